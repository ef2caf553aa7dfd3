#include "worker/spool/holds.h"

#include <algorithm>

namespace e2k::worker {
namespace {

using ledger::HoldState;
constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

// What a predecessor held is held still.
Holds::Holds(ledger::Header& header) : header_(header) {
  for (uint32_t i = 0; i < header.holds_used.load(kRelaxed); ++i)
    if (header.holds[i].state.load(kRelaxed) == HoldState::held) rows_[header.holds[i].index] = i;
}

bool Holds::begin(EntryIndex index, MonotonicNs now) {
  if (is_held(index)) return true;
  for (size_t tried = 0; tried < ledger::kHolds; ++tried, next_ = (next_ + 1) % ledger::kHolds) {
    ledger::Hold& row = header_.holds[next_];
    if (row.state.load(std::memory_order_acquire) != HoldState::none) continue;
    row.index = index.value;
    row.begun_monotonic_ns = now.value;
    row.until_monotonic_ns = INT64_MAX;
    row.after_stamp = row.after_hash = 0;
    row.state.store(HoldState::held, std::memory_order_release);
    header_.holds_used.store(std::max(header_.holds_used.load(kRelaxed), next_ + 1),
                             std::memory_order_release);
    header_.holds_changed.fetch_add(1, std::memory_order_release);
    rows_[index.value] = next_;
    return true;
  }
  return false;
}

bool Holds::release(EntryIndex index, const EventIdentity& after, MonotonicNs now) {
  return end(index, HoldState::released, after, now);
}

bool Holds::discard(EntryIndex index, MonotonicNs now) {
  return end(index, HoldState::discarded, {}, now);
}

bool Holds::end(EntryIndex index, HoldState how, const EventIdentity& after, MonotonicNs now) {
  const auto found = rows_.find(index.value);
  if (found == rows_.end()) return false;
  ledger::Hold& row = header_.holds[found->second];
  rows_.erase(found);
  row.until_monotonic_ns = now.value;
  row.after_stamp = after.stamp;
  row.after_hash = after.hash;
  row.state.store(how, std::memory_order_release);
  header_.holds_changed.fetch_add(1, std::memory_order_release);
  return true;
}

}  // namespace e2k::worker
