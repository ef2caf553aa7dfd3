// Pure. The numbers by which the parts of the fleet name each other; each a type of its own, so that none can
// be passed for another.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace e2k {

// A number that is only compared and counted up.
template <class Tag, class Rep>
struct Id {
  Rep value{};
  constexpr Id() = default;
  constexpr explicit Id(Rep v) : value(v) {}
  friend constexpr auto operator<=>(Id, Id) = default;
};

// A place in the fleet, 0 .. count-1. It outlives the processes that fill it.
using Slot = Id<struct SlotTag, uint16_t>;
// The processes of a slot, counted from 1; never reused within a state directory.
using Generation = Id<struct GenerationTag, uint32_t>;
// An entry's place in one worker generation: its line in the ledger and its number in the spool's records.
// Given out by the supervisor, from 0; never changes its meaning within a generation.
using EntryIndex = Id<struct EntryIndexTag, uint32_t>;

}  // namespace e2k

template <class Tag, class Rep>
struct std::hash<e2k::Id<Tag, Rep>> {
  size_t operator()(e2k::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
