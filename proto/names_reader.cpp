#include "proto/names_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/fd.h"

namespace e2k::names {
namespace {

std::string trouble(const std::string& path, const std::string& what) {
  return "book of names " + path + ": " + what;
}

// Maps for as long as it lives.
struct Mapping {
  ~Mapping() {
    if (base != MAP_FAILED) ::munmap(base, bytes);
  }
  void* base = MAP_FAILED;
  size_t bytes = 0;
};

std::string problem_of(const Header& header, Slot slot) {
  if (header.magic != kMagic)
    return "is none, or damaged; stop the service, move it away together with the slot's folders, and start "
           "it";
  if (header.format_version != kFormatVersion)
    return "is of another release (format " + std::to_string(header.format_version) + ", this one reads " +
           std::to_string(kFormatVersion) + "); run the release that wrote it until the spool is empty";
  if (header.slot != slot.value)
    return "belongs to slot " + std::to_string(header.slot) + "; give it its name back";
  return {};
}

}  // namespace

Result<Book> read_book(const std::string& path, Slot slot,
                       const std::function<void(EntryIndex, const Name&)>& visit, uint64_t from) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return Book{};
  if (!fd) return fail(trouble(path, std::string("cannot be opened: ") + std::strerror(errno)));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0)
    return fail(trouble(path, std::string("cannot be looked at: ") + std::strerror(errno)));
  Book book;
  book.found = true;
  Mapping mapping;
  mapping.bytes = static_cast<size_t>(info.st_size);
  if (mapping.bytes < kHeaderBytes) return book;
  mapping.base = ::mmap(nullptr, mapping.bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (mapping.base == MAP_FAILED)
    return fail(trouble(path, std::string("cannot be mapped: ") + std::strerror(errno)));
  const auto& header = *static_cast<const Header*>(mapping.base);
  if (header.magic == 0 && header.format_version == 0) return book;
  if (const std::string problem = problem_of(header, slot); !problem.empty())
    return fail(trouble(path, problem));
  const std::span<const std::byte> file(static_cast<const std::byte*>(mapping.base), mapping.bytes);
  book.next_index = header.next_index.load(std::memory_order_relaxed);
  book.end = from;
  const uint64_t first = std::max<uint64_t>(from, kHeaderBytes);
  for (Read read = read_record(file, first); read.next != 0; read = read_record(file, read.next)) {
    book.next_index = std::max(book.next_index, read.index.value + 1);
    book.end = read.next;
    visit(read.index, read.name);
  }
  return book;
}

}  // namespace e2k::names
