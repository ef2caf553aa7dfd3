#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "supervisor/plan/planner.h"

namespace e2k::supervisor {
namespace {

struct Case {
  std::vector<std::string> names;
  std::vector<PlannedChannel> channels;
  std::vector<Slot> workers;
};

// Channels held by some of the workers, by workers that are gone, or by nobody.
Case any_case() {
  Case c;
  const int workers = *rc::gen::inRange(1, 9);
  for (int i = 0; i < workers; ++i) c.workers.push_back(Slot{static_cast<uint16_t>(i)});
  const int count = *rc::gen::inRange(0, 200);
  for (int i = 0; i < count; ++i) c.names.push_back("c" + std::to_string(i));
  const int skew = *rc::gen::inRange(1, 12);
  for (int i = 0; i < count; ++i) {
    PlannedChannel channel{c.names[static_cast<size_t>(i)], std::nullopt, *rc::gen::inRange(0, 10) == 0};
    const int holder = *rc::gen::inRange(-1, skew);
    if (holder >= 0) channel.holder = Slot{static_cast<uint16_t>(holder)};
    c.channels.push_back(channel);
  }
  return c;
}

std::map<Slot, size_t> loads_after(const Case& c, const std::vector<Move>& moves) {
  std::map<Slot, size_t> loads;
  for (Slot slot : c.workers) loads[slot] = 0;
  std::vector<std::optional<Slot>> holder;
  for (const auto& channel : c.channels) holder.push_back(channel.holder);
  for (const Move& move : moves) holder[move.channel] = move.to;
  for (size_t i = 0; i < holder.size(); ++i)
    if (!c.channels[i].quarantined && holder[i] && loads.contains(*holder[i])) ++loads[*holder[i]];
  return loads;
}

RC_GTEST_PROP(Planner, every_channel_has_a_living_worker_and_workers_differ_by_at_most_one, ()) {
  const Case c = any_case();
  const auto loads = loads_after(c, plan(c.channels, c.workers));
  size_t sum = 0, low = SIZE_MAX, high = 0;
  for (const auto& [slot, load] : loads) {
    sum += load;
    low = std::min(low, load);
    high = std::max(high, load);
  }
  RC_ASSERT(high - low <= 1u);
  RC_ASSERT(sum == static_cast<size_t>(std::count_if(c.channels.begin(), c.channels.end(),
                                                     [](const auto& ch) { return !ch.quarantined; })));
}

RC_GTEST_PROP(Planner, no_plan_with_fewer_moves_is_as_even, ()) {
  const Case c = any_case();
  // The bound: whoever has no living worker must move, and so must what a worker holds over its share, where
  // the larger shares go to those who hold most.
  std::map<Slot, size_t> held;
  for (Slot slot : c.workers) held[slot] = 0;
  size_t total = 0, homeless = 0;
  for (const auto& channel : c.channels) {
    if (channel.quarantined) continue;
    ++total;
    if (channel.holder && held.contains(*channel.holder)) {
      ++held[*channel.holder];
    } else {
      ++homeless;
    }
  }
  std::vector<size_t> sizes;
  for (const auto& [slot, size] : held) sizes.push_back(size);
  std::sort(sizes.rbegin(), sizes.rend());
  size_t bound = homeless;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const size_t share = total / sizes.size() + (i < total % sizes.size() ? 1 : 0);
    if (sizes[i] > share) bound += sizes[i] - share;
  }
  RC_ASSERT(plan(c.channels, c.workers).size() == bound);
}

RC_GTEST_PROP(Planner, a_planned_fleet_needs_no_further_move, ()) {
  Case c = any_case();
  for (const Move& move : plan(c.channels, c.workers)) c.channels[move.channel].holder = move.to;
  RC_ASSERT(plan(c.channels, c.workers).empty());
}

RC_GTEST_PROP(Planner, the_answer_does_not_depend_on_the_order_of_the_input, ()) {
  const Case c = any_case();
  Case turned = c;
  std::reverse(turned.channels.begin(), turned.channels.end());
  std::reverse(turned.workers.begin(), turned.workers.end());
  std::map<std::string_view, Slot> one, other;
  for (const Move& move : plan(c.channels, c.workers)) one[c.channels[move.channel].name] = move.to;
  for (const Move& move : plan(turned.channels, turned.workers))
    other[turned.channels[move.channel].name] = move.to;
  RC_ASSERT(one == other);
}

RC_GTEST_PROP(Planner, parts_of_the_room_are_never_more_than_it_and_all_of_it_in_the_end, ()) {
  std::map<Slot, size_t> room;
  size_t left = 0;
  for (uint16_t i = 0; i < *rc::gen::inRange<uint16_t>(1, 6); ++i)
    left += room[Slot{i}] = *rc::gen::inRange<size_t>(0, 30);
  while (left > 0) {
    const auto count = *rc::gen::inRange<size_t>(1, left + 1);
    size_t given = 0;
    for (const auto& [slot, number] : part_of(room, count)) {
      RC_ASSERT(number <= room[slot]);
      room[slot] -= number;
      given += number;
    }
    RC_ASSERT(given == count);
    left -= count;
  }
}

RC_GTEST_PROP(Planner, new_channels_go_where_the_plan_puts_them_unless_it_moves_others, ()) {
  Case c = any_case();
  std::map<Slot, size_t> held;
  for (const Slot slot : c.workers) held[slot] = 0;
  std::vector<uint32_t> fresh;
  for (uint32_t i = 0; i < c.channels.size(); ++i) {
    PlannedChannel& channel = c.channels[i];
    channel.quarantined = false;
    if (channel.holder && held.contains(*channel.holder)) {
      ++held[*channel.holder];
    } else {
      channel.holder.reset();
      fresh.push_back(i);
    }
  }
  std::ranges::sort(fresh, {}, [&](uint32_t i) { return c.channels[i].name; });
  const auto moves = plan(c.channels, c.workers);
  const auto room = room_for_new(fresh.size(), held);
  RC_ASSERT(room.has_value() == (moves.size() == fresh.size()));
  if (!room) return;
  std::vector<Slot> places;
  for (const auto& [slot, number] : *room) places.insert(places.end(), number, slot);
  RC_ASSERT(places.size() == fresh.size());
  for (const Move& move : moves) {
    const auto at = static_cast<size_t>(std::ranges::find(fresh, move.channel) - fresh.begin());
    RC_ASSERT(at < fresh.size());
    RC_ASSERT(places[at] == move.to);
  }
}

}  // namespace
}  // namespace e2k::supervisor
