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
void set_targets(std::vector<Load>& loads, size_t channels) {
  std::vector<Load*> by_held;
  for (Load& load : loads) by_held.push_back(&load);
  std::stable_sort(by_held.begin(), by_held.end(),
                   [](const Load* a, const Load* b) { return a->held.size() > b->held.size(); });
  const size_t whole = channels / loads.size(), rest = channels % loads.size();
  for (size_t i = 0; i < by_held.size(); ++i) by_held[i]->target = whole + (i < rest ? 1 : 0);
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

}  // namespace e2k::supervisor
