// Pure. Which worker serves which channel.
//
// The planner moves channels, never single entries: all entries of a CA name go together. Given who holds
// what, it answers with the moves that make the workers even within one channel. It is stable (no move where
// none is needed), minimal (no plan with fewer moves is as even), and deterministic: equal input, equal
// answer. 100,000 channels over 16 workers take well under 50 ms.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/ids.h"

namespace e2k::supervisor {

struct PlannedChannel {
  std::string_view name;       // decides ties; unique
  std::optional<Slot> holder;  // nothing: new, or its worker is no longer in the fleet
  // A quarantined channel keeps its holder and counts for nobody.
  bool quarantined = false;
};

struct Move {
  uint32_t channel;  // index into the input
  std::optional<Slot> from;
  Slot to;
  friend bool operator==(const Move&, const Move&) = default;
};

// `workers`: the slots that may hold channels, any order, at least one.
std::vector<Move> plan(std::span<const PlannedChannel> channels, std::span<const Slot> workers);

}  // namespace e2k::supervisor
