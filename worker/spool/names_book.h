// Shell. The worker's slot's book of names, for writing: see proto/names_format.h.
//
// One thread writes (that which opens entries). A name is in the book before note() returns; nothing waits
// for the disk but the reservation of the next megabyte. The file is reserved before it is touched, so that a
// full disk is an error and never SIGBUS. sync() may be called by another thread: names have to reach the
// disk before the events that need them.
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

class NamesBook {
public:
  // Goes on where the book ends; makes it where there is none. A file that is no book of this slot and
  // release is an error that names it and the remedy.
  static Result<std::unique_ptr<NamesBook>> open(const std::string& path, Slot slot);
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
  uint64_t& meaning(EntryIndex index);

  const std::string path_;
  UniqueFd fd_;
  void* base_ = nullptr;
  uint64_t bytes_ = 0;  // mapped, and reserved on the disk
  std::atomic<bool> unsynced_{true};
  uint64_t end_ = 0;                // where the next record goes
  std::vector<uint64_t> meanings_;  // by index: a hash of its name; 0: none
};

}  // namespace e2k::names
