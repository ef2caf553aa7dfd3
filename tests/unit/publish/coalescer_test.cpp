// Which events are published, held and replaced, by the times at which they came.
#include "worker/publish/coalescer.h"

#include <gtest/gtest.h>

namespace e2k::worker {
namespace {

constexpr int64_t kInterval = 1000;
constexpr int64_t kStart = 1'000'000;

// Records are told apart by their unit; nobody looks at them.
spool::StandingRecord record(uint64_t unit) {
  return {nullptr, nullptr, unit};
}

class CoalescerTest : public ::testing::Test {
protected:
  bool publishes(uint32_t index, int64_t at, uint64_t unit) {
    const auto verdict = coalescer_.take(index, kStart + at, record(unit));
    replaced_ = verdict.replaced ? static_cast<int64_t>(verdict.replaced->unit) : -1;
    return verdict.publish;
  }
  // The unit of what is due, -1: nothing.
  int64_t due(int64_t at) {
    const auto due = coalescer_.next_due(kStart + at);
    return due ? static_cast<int64_t>(due->second.unit) : -1;
  }
  Coalescer coalescer_{kInterval};
  int64_t replaced_ = -1;
};

TEST_F(CoalescerTest, first_event_is_published_at_once_and_the_newest_of_an_interval_at_its_end) {
  EXPECT_TRUE(publishes(0, 0, 1));
  EXPECT_FALSE(publishes(0, 10, 2));
  EXPECT_EQ(replaced_, -1);
  EXPECT_FALSE(publishes(0, 20, 3));
  EXPECT_EQ(replaced_, 2);
  EXPECT_EQ(due(kInterval - 1), -1);
  EXPECT_EQ(due(kInterval), 3);
  EXPECT_EQ(due(kInterval), -1);
}

TEST_F(CoalescerTest, next_interval_begins_where_the_last_one_ended) {
  publishes(0, 0, 1);
  publishes(0, 10, 2);
  EXPECT_EQ(due(kInterval), 2);
  EXPECT_FALSE(publishes(0, kInterval + 10, 3));
  EXPECT_EQ(due(2 * kInterval), 3);
}

TEST_F(CoalescerTest, event_after_a_quiet_interval_is_published_at_once) {
  publishes(0, 0, 1);
  EXPECT_TRUE(publishes(0, kInterval, 2));
}

TEST_F(CoalescerTest, entries_do_not_mind_each_other) {
  publishes(0, 0, 1);
  EXPECT_TRUE(publishes(7, 5, 2));
  publishes(7, 6, 3);
  publishes(0, 8, 4);
  EXPECT_EQ(due(kInterval + 5), 4) << "the one whose interval ends first";
  EXPECT_EQ(due(kInterval + 5), 3);
}

TEST_F(CoalescerTest, what_could_not_be_published_is_taken_anew) {
  publishes(0, 0, 1);
  coalescer_.take_back(0);
  EXPECT_TRUE(publishes(0, 0, 1));
}

TEST_F(CoalescerTest, behind_an_error_record_an_event_is_published_at_once) {
  publishes(0, 0, 1);
  publishes(0, 10, 2);
  EXPECT_EQ(coalescer_.release(0)->unit, 2u);
  coalescer_.forget(0);
  EXPECT_TRUE(publishes(0, 20, 3));
  EXPECT_EQ(due(kInterval), -1) << "it was published already";
}

TEST_F(CoalescerTest, clock_that_is_set_back_withholds_nothing_for_longer) {
  publishes(0, 0, 1);
  publishes(0, 10, 2);
  EXPECT_EQ(due(-100 * kInterval), 2);
  EXPECT_TRUE(publishes(0, -50 * kInterval, 3));
}

TEST_F(CoalescerTest, held_event_that_is_moved_is_found_where_it_stands) {
  publishes(0, 0, 1);
  publishes(0, 10, 2);
  coalescer_.moved(0, record(2), record(9));
  coalescer_.moved(5, record(2), record(9));
  EXPECT_EQ(due(kInterval), 9);
}

}  // namespace
}  // namespace e2k::worker
