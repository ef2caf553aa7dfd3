#include "supervisor/plan/planner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace e2k::supervisor {
namespace {

const std::vector<Slot> kTwo = {Slot{0}, Slot{1}};

TEST(Planner, places_new_channels_in_turn_of_their_names) {
  const std::vector<PlannedChannel> channels = {{"b", {}}, {"a", {}}, {"c", {}}};
  const std::vector<Move> expected = {{1, {}, Slot{0}}, {0, {}, Slot{0}}, {2, {}, Slot{1}}};
  EXPECT_EQ(plan(channels, kTwo), expected);
}

TEST(Planner, leaves_an_even_fleet_alone) {
  const std::vector<PlannedChannel> channels = {{"a", Slot{0}}, {"b", Slot{1}}, {"c", Slot{1}}};
  EXPECT_TRUE(plan(channels, kTwo).empty());
}

TEST(Planner, a_lost_worker_s_channels_are_divided_and_nobody_else_s) {
  const std::vector<PlannedChannel> channels = {
      {"a", Slot{0}}, {"b", Slot{1}}, {"c", Slot{2}}, {"d", Slot{2}}};
  const auto moves = plan(channels, kTwo);
  ASSERT_EQ(moves.size(), 2u);
  EXPECT_EQ(moves[0].channel, 2u);
  EXPECT_EQ(moves[0].from, Slot{2});
  EXPECT_EQ(moves[1].channel, 3u);
}

TEST(Planner, a_quarantined_channel_stays_and_counts_for_nobody) {
  const std::vector<PlannedChannel> channels = {
      {"a", Slot{0}, true}, {"b", Slot{0}, true}, {"c", Slot{0}}, {"d", Slot{1}}};
  EXPECT_TRUE(plan(channels, kTwo).empty());
}

// Each text is one channel: its name, its holder's number or -, its IOC's letter or -.
struct Fleet {
  Fleet(std::initializer_list<const char*> channels_of, uint16_t workers_count) {
    for (const char* text : channels_of) names.emplace_back(text);
    for (const std::string& text : names) {
      PlannedChannel channel{std::string_view(text).substr(0, text.size() - 2), {}, false, {}};
      const char holder = text[text.size() - 2], host = text[text.size() - 1];
      if (holder != '-') channel.holder = Slot{static_cast<uint16_t>(holder - '0')};
      if (host != '-') channel.host = static_cast<uint32_t>(host - 'A');
      channels.push_back(channel);
    }
    for (uint16_t i = 0; i < workers_count; ++i) workers.push_back(Slot{i});
  }
  // "name>worker" of each move, by name.
  std::vector<std::string> moves() const {
    std::vector<std::string> out;
    for (const Move& move : plan_by_ioc(channels, workers))
      out.push_back(std::string(channels[move.channel].name) + '>' + std::to_string(move.to.value));
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::string> names;
  std::vector<PlannedChannel> channels;
  std::vector<Slot> workers;
};
using Texts = std::vector<std::string>;

TEST(IocPlanner, an_ioc_goes_to_the_worker_that_holds_most_of_it) {
  EXPECT_EQ(Fleet({"a0A", "b1A", "c1A", "d0B", "e0B", "f1B"}, 2).moves(), (Texts{"a>1", "f>0"}));
}

TEST(IocPlanner, two_iocs_that_are_held_half_and_half_get_a_worker_each) {
  EXPECT_EQ(Fleet({"a0A", "b0B", "c0A", "d0B", "e1A", "f1B", "g1A", "h1B"}, 2).moves(),
            (Texts{"b>1", "d>1", "e>0", "g>0"}));
}

TEST(IocPlanner, an_ioc_above_the_bound_is_split_evenly_and_no_further_than_it_must_be) {
  // 9 of 12 channels; a share is 4, the bound is 5.
  const Fleet fleet({"a-A", "b-A", "c-A", "d-A", "e-A", "f-A", "g-A", "h-A", "i-A", "x-B", "y-B", "z-B"}, 3);
  EXPECT_EQ(fleet.moves(),
            (Texts{"a>0", "b>0", "c>0", "d>0", "e>1", "f>1", "g>1", "h>1", "i>2", "x>2", "y>2", "z>2"}));
}

TEST(IocPlanner, two_iocs_that_were_split_beside_one_another_stay_as_they_are) {
  // 7 and 7 of 14; a share is 5. The second finds more room where it holds nothing.
  Fleet fleet(
      {"a0A", "b0A", "c0A", "d0A", "e0A", "f0A", "g0A", "h1B", "i1B", "j1B", "k1B", "l1B", "m1B", "n1B"}, 3);
  EXPECT_EQ(fleet.moves(), (Texts{"f>1", "g>1", "j>2", "k>2", "l>2", "m>2", "n>2"}));
  for (const Move& move : plan_by_ioc(fleet.channels, fleet.workers))
    fleet.channels[move.channel].holder = move.to;
  EXPECT_EQ(fleet.moves(), Texts{});
}

TEST(IocPlanner, channels_of_no_known_ioc_stay_or_go_to_whoever_has_least) {
  EXPECT_EQ(Fleet({"a0A", "b0A", "c1-", "d0-", "e--"}, 2).moves(), (Texts{"e>1"}));
}

TEST(IocPlanner, an_even_fleet_of_whole_iocs_gives_way_only_beyond_the_bound) {
  // 5 and 3 of 8: a share is 4, the bound 5.
  EXPECT_EQ(Fleet({"a0A", "b0A", "c0A", "d0A", "e0B", "x1C", "y1C", "z1C"}, 2).moves(), Texts{});
  // 6 and 2: the smallest IOC leaves.
  EXPECT_EQ(Fleet({"a0A", "b0A", "c0A", "d0A", "e0B", "f0B", "y1C", "z1C"}, 2).moves(),
            (Texts{"e>1", "f>1"}));
}

TEST(IocPlanner, the_bound_is_a_quarter_above_an_even_share_and_one_channel_at_least) {
  EXPECT_EQ(most_channels(0, 4), 1u);
  EXPECT_EQ(most_channels(8, 4), 3u);
  EXPECT_EQ(most_channels(100'000, 16), 7812u);
}

}  // namespace
}  // namespace e2k::supervisor
