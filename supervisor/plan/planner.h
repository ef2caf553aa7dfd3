// Pure. Which worker serves which channel.
//
// The planner moves channels, never single entries: all entries of a CA name go together. Given who holds
// what, it answers with the moves that make the workers even within one channel. It is stable (no move where
// none is needed), minimal (no plan with fewer moves is as even), and deterministic: equal input, equal
// answer. 100,000 channels over 16 workers take well under 50 ms.
//
// With Affinity::ioc the channels of one IOC go together, so that it serves one client and not one a worker;
// evenness gives way to that, within a bound: no worker holds more than most_channels(), a quarter above its
// even share. An IOC goes to the worker that holds most of its channels and has room for all; the largest
// choose first. It is split, over as few workers as can be, where it is larger than the bound, or where
// nobody has room for all of it: never when it has no more channels than that quarter. Channels whose IOC is
// not known stay where they are, or go to whoever has least. Stable and deterministic likewise.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
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
  // A number of the IOC's own, below 2^32 - 1; nothing: not known.
  std::optional<uint32_t> host = std::nullopt;
};

struct Move {
  uint32_t channel;  // index into the input
  std::optional<Slot> from;
  Slot to;
  friend bool operator==(const Move&, const Move&) = default;
};

enum class Affinity { none, ioc };

constexpr size_t even_share(size_t channels, size_t workers) {
  return (channels + workers - 1) / workers;
}
// The bound that evenness gives way within.
constexpr size_t most_channels(size_t channels, size_t workers) {
  const size_t share = even_share(channels, workers);
  return std::max(share + share / 4, share + 1);
}

// `workers`: the slots that may hold channels, any order, at least one.
std::vector<Move> plan(std::span<const PlannedChannel> channels, std::span<const Slot> workers);
// How many of `count` channels that nobody holds each worker gets where plan() would move no others; nothing
// where it would. `held`: what each worker holds. It costs the same however
// many channels are held.
std::optional<std::map<Slot, size_t>> room_for_new(size_t count, const std::map<Slot, size_t>& held);
// `count` of that room, at most all of it, from each in proportion.
std::map<Slot, size_t> part_of(const std::map<Slot, size_t>& room, size_t count);
std::vector<Move> plan_by_ioc(std::span<const PlannedChannel> channels, std::span<const Slot> workers);
inline std::vector<Move> plan(std::span<const PlannedChannel> channels, std::span<const Slot> workers,
                              Affinity affinity) {
  return affinity == Affinity::ioc ? plan_by_ioc(channels, workers) : plan(channels, workers);
}

}  // namespace e2k::supervisor
