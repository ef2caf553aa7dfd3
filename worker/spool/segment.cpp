#include "worker/spool/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "common/clock.h"
#include "common/fd.h"
#include "worker/spool/disk_remedy.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace e2k::spool {
namespace {

constexpr uint64_t kPage = 4096;
// Of an empty segment's data, faulted in at once.
constexpr uint64_t kPopulatedAtFirst = 64u << 10;
constexpr std::string_view kSuffix = ".seg";
constexpr uint64_t round_up(uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}
constexpr uint64_t map_bytes_for(uint64_t data_bytes) {
  return round_up(data_bytes / kUnitBytes);
}

std::string problem(const std::string& path, const char* what, int error) {
  return "spool segment " + path + ": " + what + ": " + std::strerror(error) + disk_remedy(error);
}

// Blocks on the disk for every byte of the file, now and not when it is written to.
int reserve(int fd, uint64_t bytes) {
  int error;
  do error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  while (error == EINTR);
  return error;
}

// Faults every page of a range in for writing. The kernel's own way reports a missing block as an error
// value; older kernels need a store a page, which is safe behind posix_fallocate.
int fault_in(void* base, uint64_t bytes) {
  int result;
  do result = ::madvise(base, bytes, MADV_POPULATE_WRITE);
  while (result != 0 && errno == EINTR);
  if (result == 0) return 0;
  if (errno != EINVAL) return errno;
  auto* p = static_cast<volatile char*>(base);
  for (uint64_t at = 0; at < bytes; at += kPage) p[at] = p[at];
  return 0;
}

bool header_is_sound(const SegmentHeader& h, uint64_t number, uint64_t file_bytes) {
  if (h.magic != kSegmentMagic || h.format_version != kFormatVersion) return false;
  if (h.header_bytes != kSegmentHeaderBytes || h.number != number) return false;
  if (h.data_bytes == 0 || h.data_bytes % kUnitBytes != 0) return false;
  if (h.data_bytes / kUnitBytes > uint64_t{1} << Position::kUnitBits) return false;
  if (h.data_offset != kSegmentHeaderBytes + map_bytes_for(h.data_bytes)) return false;
  return h.data_offset <= file_bytes && h.data_bytes <= file_bytes - h.data_offset;
}

}  // namespace

std::array<uint8_t, 16> read_boot_id() {
  std::array<uint8_t, 16> id{};
  UniqueFd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[37] = {};
  if (!fd || ::read(fd.get(), text, 36) != 36) return id;
  size_t nibble = 0;
  for (const char* p = text; *p != 0 && nibble < 32; ++p) {
    int digit = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
    if (digit < 0) continue;
    id[nibble / 2] = static_cast<uint8_t>(id[nibble / 2] << 4 | digit);
    ++nibble;
  }
  return id;
}

std::string Segment::file_name(uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%016llx.seg", static_cast<unsigned long long>(number));
  return name;
}

std::optional<uint64_t> Segment::number_of(std::string_view name) {
  if (name.size() != 16 + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  uint64_t number = 0;
  const auto read = std::from_chars(name.data(), name.data() + 16, number, 16);
  if (read.ec != std::errc{} || read.ptr != name.data() + 16) return std::nullopt;
  return number;
}

uint64_t Segment::file_bytes_for(uint64_t data_bytes) {
  const uint64_t data = round_up(data_bytes);
  return kSegmentHeaderBytes + map_bytes_for(data) + data;
}

Result<std::unique_ptr<Segment>> Segment::create(const std::string& directory, const LogIdentity& identity,
                                                 uint64_t number, uint64_t data_bytes) {
  const std::string path = directory + "/" + file_name(number);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail(problem(path, "cannot be made", errno));
  const uint64_t bytes = file_bytes_for(data_bytes);
  auto give_up = [&](const char* what, int error) {
    ::unlink(path.c_str());
    return fail(problem(path, what, error));
  };
  if (int error = reserve(fd.get(), bytes)) return give_up("its size cannot be reserved", error);
  void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED) return give_up("cannot be mapped", errno);
  std::unique_ptr<Segment> segment(new Segment);
  segment->base_ = base;
  segment->bytes_ = bytes;
  segment->directory_ = directory;
  const uint64_t data = round_up(data_bytes);
  segment->units_ = data / kUnitBytes;
  segment->readable_units_ = segment->units_;
  const uint64_t data_offset = kSegmentHeaderBytes + map_bytes_for(data);
  if (int error = fault_in(base, kSegmentHeaderBytes)) return give_up("cannot be faulted in", error);
  segment->write_header(identity, data_offset);
  if (int error = segment->fault_in_upto(kPopulatedAtFirst / kUnitBytes))
    return give_up("cannot be faulted in", error);
  segment->publish_number(number);
  return segment;
}

Result<std::unique_ptr<Segment>> Segment::open(const std::string& directory, uint64_t number) {
  const std::string path = directory + "/" + file_name(number);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail(problem(path, "cannot be opened", errno));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail(problem(path, "cannot be looked at", errno));
  const auto bytes = static_cast<uint64_t>(info.st_size);
  if (bytes < kSegmentHeaderBytes) return fail("spool segment " + path + ": is too short to be one");
  void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED) return fail(problem(path, "cannot be mapped", errno));
  std::unique_ptr<Segment> segment(new Segment);
  segment->base_ = base;
  segment->bytes_ = bytes;
  segment->directory_ = directory;
  const SegmentHeader& h = segment->header();
  if (!header_is_sound(h, number, bytes))
    return fail("spool segment " + path + ": its header is not that of segment " + std::to_string(number));
  segment->number_.store(number, std::memory_order_relaxed);
  segment->units_ = segment->readable_units_ = h.data_bytes / kUnitBytes;
  segment->data_ = static_cast<std::byte*>(base) + h.data_offset;
  segment->settlements_ = static_cast<uint8_t*>(base) + kSegmentHeaderBytes;
  segment->identity_.slot = Slot{h.slot};
  segment->identity_.generation = Generation{h.generation};
  std::memcpy(segment->identity_.boot_id.data(), h.boot_id, sizeof h.boot_id);
  return segment;
}

bool Segment::is_unfinished(const std::string& directory, uint64_t number) {
  UniqueFd fd(::open((directory + "/" + file_name(number)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return false;
  SegmentHeader h{};
  const ssize_t bytes = ::read(fd.get(), &h, sizeof h);
  if (bytes < 0) return false;
  return bytes < static_cast<ssize_t>(sizeof h) || h.number == 0;
}

Segment::~Segment() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

void Segment::write_header(const LogIdentity& identity, uint64_t data_offset) {
  identity_ = identity;
  auto& h = *static_cast<SegmentHeader*>(base_);
  h.magic = kSegmentMagic;
  h.format_version = kFormatVersion;
  h.header_bytes = kSegmentHeaderBytes;
  h.generation = identity.generation.value;
  h.slot = identity.slot.value;
  h.reserved = 0;
  std::memcpy(h.boot_id, identity.boot_id.data(), sizeof h.boot_id);
  h.data_offset = data_offset;
  h.data_bytes = units_ * kUnitBytes;
  h.begun_real_ns = real_now().value;
  data_ = static_cast<std::byte*>(base_) + data_offset;
  settlements_ = static_cast<uint8_t*>(base_) + kSegmentHeaderBytes;
}

void Segment::publish_number(uint64_t number) {
  auto& h = *static_cast<SegmentHeader*>(base_);
  std::atomic_ref<uint64_t>(h.number).store(number, std::memory_order_release);
  number_.store(number, std::memory_order_relaxed);
}

Result<void> Segment::reuse(uint64_t number) {
  // With number 0 the file is nobody's segment while it is neither the old nor the new one.
  const std::string from = directory_ + "/" + file_name(number_.load(std::memory_order_relaxed));
  const std::string to = directory_ + "/" + file_name(number);
  auto& h = *static_cast<SegmentHeader*>(base_);
  std::atomic_ref<uint64_t>(h.number).store(0, std::memory_order_release);
  std::memset(settlements_, 0, use_.settled_upto);
  std::atomic_ref<uint32_t>(record(0).length).store(0, std::memory_order_release);
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(problem(from, "cannot be renamed", errno));
  readable_units_ = units_;
  populated_unit_ = 0;
  use_ = {};
  populate(kPopulatedAtFirst / kUnitBytes);
  h.begun_real_ns = real_now().value;
  publish_number(number);
  return {};
}

int Segment::fault_in_upto(uint64_t unit) {
  const uint64_t from = populated_unit_;
  const uint64_t upto = std::min(unit, units_);
  if (upto <= from) return 0;
  populated_unit_ = upto;
  const auto range = [](void* base, uint64_t begin, uint64_t end) {
    begin = begin / kPage * kPage;
    return fault_in(static_cast<char*>(base) + begin, round_up(end) - begin);
  };
  if (const int error = range(settlements_, from, upto)) return error;
  return range(data_, from * kUnitBytes, upto * kUnitBytes);
}

void Segment::populate(uint64_t unit) {
  // The blocks are reserved: if this fails the writer's own faults do the same, a little later.
  (void)fault_in_upto(unit);
}

void Segment::let_go(uint64_t from_unit, uint64_t upto_unit) {
  const uint64_t from = round_up(from_unit * kUnitBytes);
  const uint64_t upto = std::min(upto_unit, units_) * kUnitBytes / kPage * kPage;
  // A shared mapping's pages are the file's: nothing is lost. Where it fails, memory stays in use.
  if (from < upto) (void)::madvise(data_ + from, upto - from, MADV_DONTNEED);
}

void Segment::let_go_from(uint64_t unit) {
  let_go(unit, units_);
  populated_unit_ = std::min(populated_unit_, unit);
}

uint64_t Segment::trim(uint64_t unit) {
  const uint64_t from = round_up(std::min(unit + 1, units_) * kUnitBytes);
  const uint64_t end = units_ * kUnitBytes / kPage * kPage;
  if (trimmed_bytes_ != 0 || from >= end || ::madvise(data_ + from, end - from, MADV_REMOVE) != 0) return 0;
  return trimmed_bytes_ = end - from;
}

Result<void> Segment::write_out(uint64_t from_unit, uint64_t upto_unit) const {
  const auto write = [&](void* from, uint64_t bytes) -> Result<void> {
    if (::msync(from, bytes, MS_SYNC) == 0) return {};
    return fail(problem(directory_, "its segments cannot be written to the disk", errno));
  };
  if (auto written = write(base_, kSegmentHeaderBytes); !written) return written;
  const uint64_t from = from_unit * kUnitBytes / kPage * kPage;
  const uint64_t end = round_up((std::min(upto_unit, units_ - 1) + 1) * kUnitBytes);
  if (end <= from) return {};
  return write(reinterpret_cast<char*>(data_) + from, end - from);
}

Result<void> Segment::remove() {
  const std::string path = directory_ + "/" + file_name(number_.load(std::memory_order_relaxed));
  if (::unlink(path.c_str()) != 0) return fail(problem(path, "cannot be removed", errno));
  return {};
}

}  // namespace e2k::spool
