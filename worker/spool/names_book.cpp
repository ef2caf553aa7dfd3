#include "worker/spool/names_book.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/log.h"
#include "proto/ledger_format.h"
#include "proto/names_reader.h"
#include "worker/spool/disk_remedy.h"

namespace e2k::names {
namespace {

constexpr uint64_t kGrowBytes = 1u << 20;

uint64_t hash_of(const Name& name) {
  uint64_t h = 0xcbf29ce484222325u;
  const auto take = [&h](char c) { h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u; };
  for (const std::string_view part : {name.topic, name.channel, name.key}) {
    for (const char c : part) take(c);
    take('\0');  // in none of the first two
  }
  return h == 0 ? 1 : h;
}

std::string trouble(const std::string& path, const char* what, int error) {
  return "book of names " + path + ": " + what + ": " + std::strerror(error) + spool::disk_remedy(error);
}

}  // namespace

std::string path_of_book(const LaunchContract& contract) {
  const auto folder = std::filesystem::path(contract.spool_path).parent_path();
  return (folder / (std::to_string(contract.slot.value) + ".names")).string();
}

std::string path_of_copy(const LaunchContract& contract) {
  const auto folder = std::filesystem::path(contract.ledger_path).parent_path();
  return (folder / (std::to_string(contract.slot.value) + ".names")).string();
}

Result<std::unique_ptr<NamesBook>> NamesBook::open_with_copy(const std::string& path, const std::string& copy,
                                                             Slot slot) {
  auto book = open(path, slot);
  if (!book) return book;
  auto opened = open(copy, slot);
  if (!opened) {
    log::warn("names.not_copied reason={}", log::quoted(opened.error().message));
    return book;
  }
  (*book)->copy_ = std::move(*opened);
  auto read =
      read_book(path, slot, [&](EntryIndex index, const Name& name) { (*book)->copy_note(index, name); });
  if (!read) return tl::unexpected(read.error());
  return book;
}

// One that says otherwise is of another book: it begins anew with the next.
void NamesBook::copy_note(EntryIndex index, const Name& name) {
  if (!copy_) return;
  auto noted = copy_->note(index, name);
  if (noted) return;
  log::warn("names.not_copied reason={}", log::quoted(noted.error().message));
  std::error_code ignored;
  std::filesystem::remove(copy_->path_, ignored);
  copy_.reset();
}

Result<std::unique_ptr<NamesBook>> NamesBook::open(const std::string& path, Slot slot) {
  // Judged before it is touched.
  if (auto judged = read_book(path, slot, [](EntryIndex, const Name&) {}); !judged)
    return tl::unexpected(judged.error());
  std::error_code ignored;  // the file can't be made then
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd) return fail(trouble(path, "cannot be opened", errno));
  std::unique_ptr<NamesBook> book(new NamesBook(path, std::move(fd)));
  if (auto begun = book->begin(slot); !begun) return tl::unexpected(begun.error());
  return book;
}

Result<void> NamesBook::begin(Slot slot) {
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return fail(trouble(path_, "cannot be looked at", errno));
  if (auto room = reserve(std::max<uint64_t>(static_cast<uint64_t>(info.st_size), kHeaderBytes)); !room)
    return room;
  Header& h = header();
  if (h.magic == 0) {
    h.format_version = kFormatVersion;
    h.slot = slot.value;
    __atomic_store_n(&h.magic, kMagic, __ATOMIC_RELEASE);
  }
  const std::span<const std::byte> file(static_cast<std::byte*>(base_), bytes_);
  end_ = kHeaderBytes;
  for (Read read = read_record(file, end_); read.next != 0; read = read_record(file, end_)) {
    if (read.index.value < ledger::kMaxEntries) meaning(read.index) = hash_of(read.name);
    end_ = read.next;
  }
  // Behind a torn record whole ones may lie, which must not come back to life.
  std::byte* const begin = static_cast<std::byte*>(base_) + std::min(end_, bytes_);
  std::byte* const end = static_cast<std::byte*>(base_) + bytes_;
  std::byte* const left = std::find_if(begin, end, [](std::byte b) { return b != std::byte{0}; });
  std::fill(left, end, std::byte{0});
  give_back_memory_behind(end_);
  h.used_bytes.store(end_, std::memory_order_release);
  return {};
}

// What is reserved and not written to yet was read all the same, and takes no memory from now on.
void NamesBook::give_back_memory_behind(uint64_t used) {
  constexpr uint64_t kPage = 4096;
  const uint64_t from = std::min((used + kPage - 1) / kPage * kPage, bytes_);
  if (from < bytes_) (void)::madvise(static_cast<char*>(base_) + from, bytes_ - from, MADV_DONTNEED);
}

uint64_t& NamesBook::meaning(EntryIndex index) {
  if (index.value >= meanings_.size()) meanings_.resize(size_t{index.value} + 1);
  return meanings_[index.value];
}

// The file's size is always its reserved size.
Result<void> NamesBook::reserve(uint64_t wanted) {
  const uint64_t bytes = (wanted + kGrowBytes - 1) / kGrowBytes * kGrowBytes;
  if (bytes <= bytes_) return {};
  int error;
  do error = ::posix_fallocate(fd_.get(), static_cast<off_t>(bytes_), static_cast<off_t>(bytes - bytes_));
  while (error == EINTR);
  if (error != 0) return fail(trouble(path_, "has no room for more names", error));
  void* base = base_ == nullptr ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0)
                                : ::mremap(base_, bytes_, bytes, MREMAP_MAYMOVE);
  if (base == MAP_FAILED) return fail(trouble(path_, "cannot be mapped", errno));
  base_ = base;
  bytes_ = bytes;
  return {};
}

NamesBook::~NamesBook() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

Result<void> NamesBook::note(EntryIndex index, const Name& name) {
  if (index.value >= ledger::kMaxEntries)
    return fail("book of names " + path_ + ": there is no index " + std::to_string(index.value));
  const uint64_t hash = hash_of(name);
  if (const uint64_t known = meaning(index); known != 0) {
    if (known == hash) return {};
    return fail("book of names " + path_ + ": index " + std::to_string(index.value) +
                " means another entry there; restart the worker, or the supervisor where that does not help");
  }
  const uint64_t next = end_ + padded(record_bytes(name));
  if (auto room = reserve(next); !room) return room;
  write_record(static_cast<std::byte*>(base_), end_, index, name);
  end_ = next;
  meaning(index) = hash;
  Header& h = header();
  if (h.next_index.load(std::memory_order_relaxed) <= index.value)
    h.next_index.store(index.value + 1, std::memory_order_relaxed);
  h.used_bytes.store(end_, std::memory_order_release);
  unsynced_.store(true, std::memory_order_release);
  copy_note(index, name);
  return {};
}

Result<void> NamesBook::sync() {
  if (!unsynced_.exchange(false, std::memory_order_acquire)) return {};
  if (::fdatasync(fd_.get()) == 0) return {};
  unsynced_.store(true, std::memory_order_relaxed);
  return fail(trouble(path_, "cannot be written", errno));
}

}  // namespace e2k::names
