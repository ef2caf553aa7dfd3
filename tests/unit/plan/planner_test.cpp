#include "supervisor/plan/planner.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace e2k::supervisor
