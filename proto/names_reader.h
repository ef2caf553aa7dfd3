// Shell. Reads a slot's book of names (proto/names_format.h), also while its worker writes to it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/ids.h"
#include "common/result.h"
#include "proto/names_format.h"

namespace e2k::names {

struct Book {
  bool found = false;  // false: there is none
  // Above every index that is named in it, or surely was.
  uint32_t next_index = 0;
  uint64_t end = 0;  // behind the last record, in the file
};

// Calls `visit` for every record, or every one from `from` on, a Book's `end`. An Error: it is another
// slot's, of a newer release, or can't be read; it names the path and the remedy. A file in which nothing was
// ever written is a book without names.
Result<Book> read_book(const std::string& path, Slot slot,
                       const std::function<void(EntryIndex, const Name&)>& visit, uint64_t from = 0);

}  // namespace e2k::names
