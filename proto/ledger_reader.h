// Shell. Maps a ledger file read-only and answers from it, whether its worker lives, hangs or is dead.
//
// One thread. The mapping follows the file: a ledger that was renamed over (a successor's) is another file
// and needs another LedgerReader; slot and generation are checked when it is opened and never mixed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/fd.h"
#include "common/ids.h"
#include "common/result.h"
#include "proto/ledger_format.h"

namespace e2k::ledger {

// received = acknowledged + waiting + lost + coalesced
struct Counts {
  uint64_t received = 0, acknowledged = 0, waiting = 0, lost = 0, coalesced = 0, gaps = 0;
};
// Reads the publisher's line before CA's, so that waiting is never negative.
Counts counts_of(const Entry& entry);

class LedgerReader {
public:
  static Result<LedgerReader> open(const std::string& path, Slot slot, Generation generation);
  // Whichever generation of the slot it is.
  static Result<LedgerReader> open(const std::string& path, Slot slot);
  LedgerReader(LedgerReader&&) noexcept;
  LedgerReader& operator=(LedgerReader&&) noexcept;
  ~LedgerReader();

  // Figures to read. Sizes and places must be asked of the functions below: the worker can write to all of
  // it.
  const Header& header() const;
  // Lines that the worker has made.
  uint32_t entries_used() const;
  // nullptr: the worker has not made that line yet. Never faults, whatever the index.
  const Entry* entry(EntryIndex index) const;
  // "" for 0 or a number that names none.
  std::string host_name(uint32_t host) const;

private:
  LedgerReader() = default;
  static Result<LedgerReader> open_file(const std::string& path, Slot slot,
                                        std::optional<Generation> generation);
  void* base_ = nullptr;
  size_t bytes_ = 0;
  // As they were when the file was judged.
  uint32_t capacity_ = 0;
  uint32_t entries_offset_ = 0;
};

}  // namespace e2k::ledger
