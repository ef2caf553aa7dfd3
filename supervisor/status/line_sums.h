// Pure. Sums over the lines of slots' ledgers. Of a ledger with many lines they are those of the last round,
// which goes through the lines a slice at a time, so that a question costs the same however many there are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "proto/ledger_reader.h"

namespace e2k::supervisor {

struct LineSums {
  uint64_t gaps = 0, restamped = 0, connected = 0;
};

// Of the lines from `begin` to before `end`.
inline LineSums sums_of_lines(const ledger::LedgerReader& reader, uint32_t begin, uint32_t end) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  LineSums sums;
  for (uint32_t i = begin; i < end; ++i) {
    const ledger::Entry* const line = reader.entry(EntryIndex{i});
    if (line == nullptr) break;
    sums.gaps += line->ca.gaps.load(kRelaxed);
    sums.restamped += line->publisher.restamped.load(kRelaxed);
    sums.connected += line->ca.state.load(kRelaxed) == ledger::EntryState::connected ? 1 : 0;
  }
  return sums;
}

class SlotSums {
public:
  static constexpr uint32_t kFewLines = 5000, kSmallestSlice = 100, kSlicesOfARound = 50;

  LineSums of(Slot slot, const ledger::LedgerReader& reader) const {
    const auto found = pasts_.find(slot);
    const bool is_known = found != pasts_.end() && found->second.is_whole &&
                          found->second.generation == reader.header().generation;
    if (is_known && reader.entries_used() > kFewLines) return found->second.known;
    return sums_of_lines(reader, 0, reader.entries_used());
  }
  // A slice of the slot's round. A ledger of another generation begins one.
  void look(Slot slot, const ledger::LedgerReader& reader) {
    const uint32_t lines = reader.entries_used();
    if (lines <= kFewLines) return;
    Past& past = pasts_[slot];
    if (past.generation != reader.header().generation) past = Past{.generation = reader.header().generation};
    const uint32_t end = std::min(lines, past.next + std::max(kSmallestSlice, lines / kSlicesOfARound));
    const LineSums more = sums_of_lines(reader, past.next, end);
    past.running.gaps += more.gaps;
    past.running.restamped += more.restamped;
    past.running.connected += more.connected;
    past.next = end;
    if (end < lines) return;
    past.known = past.running;
    past.is_whole = true;
    past.running = {};
    past.next = 0;
  }

private:
  struct Past {
    uint32_t generation = 0;
    bool is_whole = false;  // `known` is of a whole round
    uint32_t next = 0;
    LineSums known = {}, running = {};
  };
  std::map<Slot, Past> pasts_;
};

}  // namespace e2k::supervisor
