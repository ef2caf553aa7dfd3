#include "proto/ledger_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace e2k::ledger {
namespace {

std::string system_error(const std::string& path, const char* what) {
  return "ledger " + path + ": " + what + ": " + std::strerror(errno);
}

// Whether the mapped bytes are a ledger whose sizes can be trusted from here on.
const char* problem_of(const Header& header, uint32_t capacity, uint32_t entries_offset, size_t bytes,
                       Slot slot, std::optional<Generation> generation) {
  if (header.magic != kMagic) return "is not a ledger";
  if (header.format_version != kFormatVersion) return "has another format version; restart its worker";
  if (header.slot != slot.value || (generation && header.generation != generation->value))
    return "belongs to another slot or generation";
  if (entries_offset < sizeof(Header) || entries_offset % alignof(Entry) != 0) return "has a damaged header";
  if (entries_offset > bytes) return "is shorter than its header says";
  if ((bytes - entries_offset) / sizeof(Entry) < capacity) return "is shorter than its header says";
  return nullptr;
}

}  // namespace

Counts counts_of(const Entry& entry) {
  constexpr auto relaxed = std::memory_order_relaxed;
  // What is settled was appended before: with the publisher's line read first, the difference can't be
  // negative. (Acquiring loads, no fence: the thread sanitizer knows no fences.)
  constexpr auto acquire = std::memory_order_acquire;
  Counts c;
  c.acknowledged = entry.publisher.acknowledged.load(acquire);
  const uint64_t lost_spooled = entry.publisher.lost_spooled.load(acquire);
  c.coalesced = entry.publisher.coalesced.load(acquire);
  uint64_t appended = entry.ca.appended.load(relaxed);
  const uint64_t lost_unspooled = entry.ca.lost_unspooled.load(relaxed);
  const uint64_t settled = c.acknowledged + lost_spooled + c.coalesced;
  // A record is counted just after it is committed, and can be settled in between.
  if (appended < settled) appended = settled;
  c.gaps = entry.ca.gaps.load(relaxed);
  c.received = appended + lost_unspooled;
  c.lost = lost_spooled + lost_unspooled;
  c.waiting = appended - settled;
  return c;
}

Result<LedgerReader> LedgerReader::open(const std::string& path, Slot slot, Generation generation) {
  return open_file(path, slot, generation);
}

Result<LedgerReader> LedgerReader::open(const std::string& path, Slot slot) {
  return open_file(path, slot, std::nullopt);
}

Result<LedgerReader> LedgerReader::open_file(const std::string& path, Slot slot,
                                             std::optional<Generation> generation) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(system_error(path, "cannot be opened"));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail(system_error(path, "cannot be looked at"));
  const auto bytes = static_cast<size_t>(info.st_size);
  if (bytes < sizeof(Header)) return fail("ledger " + path + ": is too short to be one");
  void* base = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  if (base == MAP_FAILED) return fail(system_error(path, "cannot be mapped"));
  LedgerReader reader;
  reader.base_ = base;
  reader.bytes_ = bytes;
  reader.capacity_ = reader.header().entry_capacity;
  reader.entries_offset_ = reader.header().entries_offset;
  if (const char* problem =
          problem_of(reader.header(), reader.capacity_, reader.entries_offset_, bytes, slot, generation))
    return fail("ledger " + path + ": " + problem);
  return reader;
}

LedgerReader::LedgerReader(LedgerReader&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      capacity_(other.capacity_),
      entries_offset_(other.entries_offset_) {}

LedgerReader& LedgerReader::operator=(LedgerReader&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  std::swap(capacity_, other.capacity_);
  std::swap(entries_offset_, other.entries_offset_);
  return *this;
}

LedgerReader::~LedgerReader() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

const Header& LedgerReader::header() const {
  return *static_cast<const Header*>(base_);
}

uint32_t LedgerReader::entries_used() const {
  return std::min(capacity_, header().entries_used.load(std::memory_order_acquire));
}

const Entry* LedgerReader::entry(EntryIndex index) const {
  if (index.value >= entries_used()) return nullptr;
  const auto* first = reinterpret_cast<const Entry*>(static_cast<const char*>(base_) + entries_offset_);
  return first + index.value;
}

std::string LedgerReader::host_name(uint32_t host) const {
  if (host == 0 || host > kHosts) return "";
  const Host& h = header().hosts[host - 1];
  return std::string(h.name, ::strnlen(h.name, sizeof h.name));
}

}  // namespace e2k::ledger
