// Shell. The worker's own ledger: made under a temporary name, opened with the predecessor's sums, renamed
// into place; see proto/ledger_format.h.
//
// The file is sparse up to its capacity and reserved as far as lines are used, in steps, so that no store
// into it can raise SIGBUS. line() is called by one thread at a time; what it returned is written as the
// format says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/fd.h"
#include "common/ids.h"
#include "common/result.h"
#include "proto/ledger_format.h"

namespace e2k::ledger {

class Ledger {
public:
  // A file at `path` is the predecessor's (same slot): its sums are taken over. One that is none, or not
  // whole, counts for nothing and is told in the log.
  static Result<std::unique_ptr<Ledger>> create(const std::string& path, Slot slot, Generation generation,
                                                uint32_t capacity = kMaxEntries);
  // A dead worker's, for writing: for repairs. See is_kept().
  static Result<std::unique_ptr<Ledger>> open_for_repair(const std::string& path);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger();

  // Whether another process that still runs keeps these books: nobody else may write to them then.
  bool is_kept() const;
  Header& header() const { return *static_cast<Header*>(base_); }
  // The line of that index, reserved and, when it is new, as an unused entry's. nullptr: beyond the capacity,
  // or the file system is full (what a later call may find mended).
  Entry* line(EntryIndex index);
  // A line that is in use, else nullptr.
  Entry* used_line(EntryIndex index) const;
  // All lines by index; only those that line() or used_line() gave out may be touched.
  Entry* entries() const;

private:
  Ledger() = default;
  Result<void> reserve_lines(uint32_t count);

  std::string path_;
  UniqueFd fd_;
  void* base_ = nullptr;
  size_t bytes_ = 0;
  uint32_t reserved_ = 0;
};

}  // namespace e2k::ledger
