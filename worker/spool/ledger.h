// Shell. The worker's own ledger: made under a temporary name, opened with the predecessor's lines and sums,
// renamed into place; see proto/ledger_format.h.
//
// The file is sparse up to its capacity and reserved as far as lines are used, in steps, so that no store
// into it can raise SIGBUS. line() may be called by any thread; what it returned is written as the format
// says.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "common/fd.h"
#include "common/ids.h"
#include "common/result.h"
#include "proto/ledger_format.h"

namespace e2k::ledger {

class Ledger {
public:
  // What is taken over of the predecessor's.
  enum class Lines { carried_over, begun_anew };
  // A file at `path` is the predecessor's (same slot), made true before (recovery.h). One that is none, or
  // not whole, counts for nothing and is told in the log.
  static Result<std::unique_ptr<Ledger>> create(const std::string& path, Slot slot, Generation generation,
                                                uint32_t capacity = kMaxEntries,
                                                Lines lines = Lines::carried_over);
  // A dead worker's, for writing: for repairs. See is_kept().
  static Result<std::unique_ptr<Ledger>> open_for_repair(const std::string& path);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger();

  // Whether another process that still runs keeps these books: nobody else may write to them then.
  bool is_kept() const;
  // This process keeps them from now on, for a slot that has no worker.
  void keep();
  // Nobody keeps it: the header names no process.
  void let_go();
  // When the predecessor, whose lines were taken over, showed its last sign of life; 0: there was none.
  int64_t predecessor_alive_real_ns() const { return predecessor_alive_real_ns_; }
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
  Result<void> open_with_balance(const std::string& path, Lines lines);

  std::string path_;
  UniqueFd fd_;
  void* base_ = nullptr;
  size_t bytes_ = 0;
  std::mutex lines_;  // while lines are made
  uint32_t reserved_ = 0;
  int64_t predecessor_alive_real_ns_ = 0;
};

}  // namespace e2k::ledger
