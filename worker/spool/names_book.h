// Shell. The worker's slot's book of names, for writing: see proto/names_format.h.
//
// One thread writes (that which opens entries). A name is in the book before note() returns; nothing waits
// for the disk but the reservation of the next megabyte. The file is reserved before it is touched, so that a
// full disk is an error and never SIGBUS. sync() may be called by another thread: names have to reach the
// disk before the events that need them.
//
// A copy stands beside the ledger: the book shares the fate of the logs, the copy that of the ledger, so that
// whatever is left can be read. The supervisor puts it back where the book is gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/fd.h"
#include "common/ids.h"
#include "common/result.h"
#include "proto/launch.h"
#include "proto/names_format.h"

namespace e2k::names {

// Where the contract's slot has its book.
std::string path_of_book(const LaunchContract& contract);
std::string path_of_copy(const LaunchContract& contract);

class NamesBook {
public:
  // Goes on where the book ends; makes it where there is none. A file that is no book of this slot and
  // release is an error that names it and the remedy.
  static Result<std::unique_ptr<NamesBook>> open(const std::string& path, Slot slot);
  // Likewise, with a copy of all that is in it and of what is noted from now on. A copy that can't be kept is
  // told in the log, and missed only by who loses the book.
  static Result<std::unique_ptr<NamesBook>> open_with_copy(const std::string& path, const std::string& copy,
                                                           Slot slot);
  NamesBook(const NamesBook&) = delete;
  NamesBook& operator=(const NamesBook&) = delete;
  ~NamesBook();

  // From now on `index` means `name`, for good. An Error: it means something else, or there is no room.
  Result<void> note(EntryIndex index, const Name& name);
  // What was noted before the call is on the disk when it returns. Cheap where nothing new was.
  Result<void> sync();

private:
  NamesBook(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<void> begin(Slot slot);
  Result<void> reserve(uint64_t bytes);
  Header& header() const { return *static_cast<Header*>(base_); }
  void give_back_memory_behind(uint64_t used);
  uint64_t& meaning(EntryIndex index);
  void copy_note(EntryIndex index, const Name& name);

  const std::string path_;
  std::unique_ptr<NamesBook> copy_;
  UniqueFd fd_;
  void* base_ = nullptr;
  uint64_t bytes_ = 0;  // mapped, and reserved on the disk
  std::atomic<bool> unsynced_{true};
  uint64_t end_ = 0;                // where the next record goes
  std::vector<uint64_t> meanings_;  // by index: a hash of its name; 0: none
};

}  // namespace e2k::names
