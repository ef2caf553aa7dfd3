// The plan that keeps the channels of one IOC together.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "supervisor/plan/planner.h"

namespace e2k::supervisor {
namespace {

struct Case {
  std::vector<std::string> names;
  std::vector<PlannedChannel> channels;
  std::vector<Slot> workers;
};

// IOCs of very different sizes, some channels of none; held by some of the workers, by workers that are gone,
// or by nobody.
Case any_case() {
  Case c;
  const int workers = *rc::gen::inRange(1, 9);
  for (int i = 0; i < workers; ++i) c.workers.push_back(Slot{static_cast<uint16_t>(i)});
  const int count = *rc::gen::inRange(0, 200);
  // Few IOCs are above the bound, each of them, and have to be split beside one another.
  const int hosts = *rc::gen::oneOf(rc::gen::inRange(1, 30), rc::gen::inRange(2, 6));
  const int skew = *rc::gen::inRange(1, 12);
  const bool one_is_large = *rc::gen::arbitrary<bool>();
  for (int i = 0; i < count; ++i) c.names.push_back("c" + std::to_string(i));
  for (int i = 0; i < count; ++i) {
    PlannedChannel channel{c.names[static_cast<size_t>(i)], std::nullopt, *rc::gen::inRange(0, 10) == 0, {}};
    const int holder = *rc::gen::inRange(-1, skew);
    if (holder >= 0) channel.holder = Slot{static_cast<uint16_t>(holder)};
    const int host = one_is_large && i % 2 == 0 ? 0 : *rc::gen::inRange(-1, hosts);
    if (host >= 0) channel.host = static_cast<uint32_t>(host);
    c.channels.push_back(channel);
  }
  return c;
}

size_t counted(const Case& c) {
  return static_cast<size_t>(
      std::count_if(c.channels.begin(), c.channels.end(), [](const auto& ch) { return !ch.quarantined; }));
}

Case carried_out(Case c) {
  for (const Move& move : plan_by_ioc(c.channels, c.workers)) c.channels[move.channel].holder = move.to;
  return c;
}

RC_GTEST_PROP(IocPlanner, every_channel_has_a_living_worker_and_no_worker_is_above_the_bound, ()) {
  const Case c = any_case();
  std::set<uint32_t> moved;
  for (const Move& move : plan_by_ioc(c.channels, c.workers)) {
    RC_ASSERT(moved.insert(move.channel).second);
    RC_ASSERT(!c.channels[move.channel].quarantined);
    RC_ASSERT(move.from == c.channels[move.channel].holder);
    RC_ASSERT(move.from != std::optional(move.to));
  }
  std::map<Slot, size_t> loads;
  for (const auto& channel : carried_out(c).channels) {
    if (channel.quarantined) continue;
    RC_ASSERT(channel.holder && channel.holder->value < c.workers.size());
    ++loads[*channel.holder];
  }
  const size_t bound = most_channels(counted(c), c.workers.size());
  for (const auto& [slot, load] : loads) RC_ASSERT(load <= bound);
}

RC_GTEST_PROP(IocPlanner, an_ioc_of_at_most_a_quarter_share_is_served_by_one_worker, ()) {
  const Case c = any_case();
  std::map<uint32_t, std::set<Slot>> workers_of;
  std::map<uint32_t, size_t> sizes;
  for (const auto& channel : carried_out(c).channels) {
    if (channel.quarantined || !channel.host) continue;
    workers_of[*channel.host].insert(*channel.holder);
    ++sizes[*channel.host];
  }
  const size_t share = even_share(counted(c), c.workers.size());
  const size_t bound = most_channels(counted(c), c.workers.size());
  for (const auto& [host, workers] : workers_of) {
    if (sizes[host] <= bound - share) RC_ASSERT(workers.size() == 1u);
    // One that is too large is divided over no more than it takes, and those that others left no room at.
    if (sizes.size() == 1) RC_ASSERT(workers.size() <= (sizes[host] + share - 1) / share);
  }
}

RC_GTEST_PROP(IocPlanner, a_planned_fleet_needs_no_further_move, ()) {
  const Case c = carried_out(any_case());
  RC_ASSERT(plan_by_ioc(c.channels, c.workers).empty());
}

RC_GTEST_PROP(IocPlanner, the_answer_does_not_depend_on_the_order_of_the_input, ()) {
  const Case c = any_case();
  Case turned = c;
  std::reverse(turned.channels.begin(), turned.channels.end());
  std::reverse(turned.workers.begin(), turned.workers.end());
  std::map<std::string_view, Slot> one, other;
  for (const Move& move : plan_by_ioc(c.channels, c.workers)) one[c.channels[move.channel].name] = move.to;
  for (const Move& move : plan_by_ioc(turned.channels, turned.workers))
    other[turned.channels[move.channel].name] = move.to;
  RC_ASSERT(one == other);
}

RC_GTEST_PROP(IocPlanner, one_more_channel_of_a_known_ioc_that_has_room_moves_nobody, ()) {
  Case c = carried_out(any_case());
  const std::string name = "new";
  c.channels.push_back({name, std::nullopt, false, {}});
  // A channel of its own is nobody's reason to leave: the bound only grows.
  const auto moves = plan_by_ioc(c.channels, c.workers);
  RC_ASSERT(std::any_of(moves.begin(), moves.end(),
                        [&](const Move& m) { return m.channel == c.channels.size() - 1; }));
  const size_t before = counted(c) - 1;
  if (most_channels(before, c.workers.size()) == most_channels(before + 1, c.workers.size()) &&
      even_share(before, c.workers.size()) == even_share(before + 1, c.workers.size()))
    RC_ASSERT(moves.size() == 1u);
}

RC_GTEST_PROP(IocPlanner, without_a_known_ioc_new_channels_are_divided_evenly, ()) {
  Case c = any_case();
  for (auto& channel : c.channels) {
    channel.host.reset();
    channel.holder.reset();
    channel.quarantined = false;
  }
  std::map<Slot, size_t> loads;
  for (Slot slot : c.workers) loads[slot] = 0;
  for (const auto& channel : carried_out(c).channels) ++loads[*channel.holder];
  size_t low = SIZE_MAX, high = 0;
  for (const auto& [slot, load] : loads) {
    low = std::min(low, load);
    high = std::max(high, load);
  }
  RC_ASSERT(high - low <= 1u);
}

RC_GTEST_PROP(IocPlanner, affinity_none_takes_no_notice_of_iocs, ()) {
  const Case c = any_case();
  Case blind = c;
  for (auto& channel : blind.channels) channel.host.reset();
  RC_ASSERT(plan(c.channels, c.workers, Affinity::none) == plan(blind.channels, blind.workers));
}

}  // namespace
}  // namespace e2k::supervisor
