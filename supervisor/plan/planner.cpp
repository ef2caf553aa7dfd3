#include "supervisor/plan/planner.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace e2k::supervisor {
namespace {

struct Load {
  Slot slot;
  std::vector<uint32_t> held;
  size_t target = 0;
};

// Everybody gets the whole part; the rest goes to those who hold most already, so that nothing moves
// needlessly.
std::vector<size_t> targets_of(const std::vector<size_t>& held, size_t channels) {
  std::vector<size_t> by_held(held.size());
  for (size_t i = 0; i < held.size(); ++i) by_held[i] = i;
  std::ranges::stable_sort(by_held, std::ranges::greater{}, [&](size_t i) { return held[i]; });
  const size_t whole = channels / held.size(), rest = channels % held.size();
  std::vector<size_t> targets(held.size());
  for (size_t i = 0; i < by_held.size(); ++i) targets[by_held[i]] = whole + (i < rest ? 1 : 0);
  return targets;
}

void set_targets(std::vector<Load>& loads, size_t channels) {
  std::vector<size_t> held;
  for (const Load& load : loads) held.push_back(load.held.size());
  const std::vector<size_t> targets = targets_of(held, channels);
  for (size_t i = 0; i < loads.size(); ++i) loads[i].target = targets[i];
}

}  // namespace

std::vector<Move> plan(std::span<const PlannedChannel> channels, std::span<const Slot> workers) {
  assert(!workers.empty());
  std::vector<Slot> slots(workers.begin(), workers.end());
  std::sort(slots.begin(), slots.end());
  std::vector<Load> loads;
  std::map<Slot, size_t> load_of;
  for (Slot slot : slots) {
    load_of[slot] = loads.size();
    loads.push_back({slot, {}, 0});
  }

  std::vector<uint32_t> homeless;
  size_t counted = 0;
  for (uint32_t i = 0; i < channels.size(); ++i) {
    if (channels[i].quarantined) continue;
    ++counted;
    const auto holder = channels[i].holder ? load_of.find(*channels[i].holder) : load_of.end();
    if (holder == load_of.end()) {
      homeless.push_back(i);
    } else {
      loads[holder->second].held.push_back(i);
    }
  }

  set_targets(loads, counted);
  const auto by_name = [&](uint32_t a, uint32_t b) { return channels[a].name < channels[b].name; };
  for (Load& load : loads) {
    if (load.held.size() <= load.target) continue;
    // The last by name go: which ones does not depend on the order of the input.
    const auto keep_end = load.held.begin() + static_cast<std::ptrdiff_t>(load.target);
    std::nth_element(load.held.begin(), keep_end, load.held.end(), by_name);
    homeless.insert(homeless.end(), keep_end, load.held.end());
    load.held.erase(keep_end, load.held.end());
  }

  std::sort(homeless.begin(), homeless.end(), by_name);
  std::vector<Move> moves;
  moves.reserve(homeless.size());
  size_t next = 0;
  for (Load& load : loads) {
    for (size_t room = load.target - load.held.size(); room > 0; --room, ++next)
      moves.push_back({homeless[next], channels[homeless[next]].holder, load.slot});
  }
  assert(next == homeless.size());
  return moves;
}

std::optional<std::map<Slot, size_t>> room_for_new(size_t count, const std::map<Slot, size_t>& held) {
  std::vector<size_t> counts;
  size_t channels = count;
  for (const auto& [slot, number] : held) {
    counts.push_back(number);
    channels += number;
  }
  const std::vector<size_t> targets = targets_of(counts, channels);
  std::map<Slot, size_t> room;
  size_t i = 0;
  for (const auto& [slot, number] : held) {
    if (number > targets[i]) return std::nullopt;
    room[slot] = targets[i++] - number;
  }
  return room;
}

std::map<Slot, size_t> part_of(const std::map<Slot, size_t>& room, size_t count) {
  size_t all = 0;
  for (const auto& [slot, number] : room) all += number;
  assert(count <= all);
  std::map<Slot, size_t> part;
  size_t until_here = 0, given = 0;
  for (const auto& [slot, number] : room) {
    until_here += number;
    const size_t due = all == 0 ? 0 : until_here * count / all;
    part[slot] = due - given;
    given = due;
  }
  return part;
}

}  // namespace e2k::supervisor
