// Topics that have more to be published than they may have in flight.
#include "tests/unit/publish/feed_fixture.h"

namespace e2k::worker {
namespace {

constexpr uint64_t kWindow = 64;

class CrowdedTopicTest : public FeedFixture {
protected:
  CrowdedTopicTest() { outlet_options_.topic_window = kWindow; }
  // The small spool takes no more.
  void fill(IntakeEntry& entry, int from) {
    const auto give_up = monotonic_now().value + 20 * kNsPerSecond;
    while (!log_->live->is_short() && monotonic_now().value < give_up) {
      append_without_turning(entry, from, from + 1);
      ++from;
    }
    ASSERT_TRUE(log_->live->is_short());
  }
};

TEST_F(CrowdedTopicTest, alone_is_not_read_far_ahead_of_what_it_may_have_in_flight) {
  begin();
  IntakeEntry& e = open_flowing(0, "t");
  const uint64_t record_units = feed_->live_position()->unit() / 3;  // its names and two events
  append_without_turning(e, 2, 3000);
  turn();
  EXPECT_GT(outlet_->in_flight(), 0u);
  EXPECT_LT(feed_->live_position()->unit(), record_units * (2 * kWindow + 512));
  EXPECT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, 3000));
}

TEST_F(CrowdedTopicTest, whose_brokers_are_slow_does_not_keep_others_waiting) {
  begin();
  IntakeEntry& slow = open_flowing(0, "slow");
  IntakeEntry& other = open_flowing(1, "other");
  set_leader("slow", -1);
  append_without_turning(slow, 2, 3000);
  append_without_turning(other, 2, 50);
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == 50; }, 2));
  set_leader("slow", 1);
  EXPECT_TRUE(drained());
  EXPECT_EQ(consumed("slow"), numbers(0, 3000));
}

// Its first records are taken up again, and the spool is full.
TEST_F(CrowdedTopicTest, keeps_what_waits_where_the_reader_stands_as_long_as_it_can_be_moved) {
  options_.max_bytes = 600'000;
  begin();
  IntakeEntry& e = open_flowing(0, "t");
  rd_kafka_mock_broker_set_rtt(mock_.get(), 1, 100);
  fill(e, 2);
  // Some time without an acknowledgement.
  const int64_t now_ns = monotonic_now().value + kNsPerSecond;
  for (int i = 0; i < 3; ++i) feed_->begin_turn(now_ns, real_now().value), feed_->follow();
  ASSERT_GT(feed_->live_position()->segment(), 1u);
  const auto give_up = monotonic_now().value + 20 * kNsPerSecond;
  while (outlet_->in_flight() != 0 && monotonic_now().value < give_up)
    outlet_->serve_reports(monotonic_now().value), log_->bell->wait(1);
  ASSERT_EQ(outlet_->in_flight(), 0u);
  feed_->tend_topics();
  ASSERT_EQ(feed_->live_position()->segment(), 1u);
  feed_->tidy();
  EXPECT_EQ(lost(0), 0u);
  EXPECT_EQ(header().aside_logs.load(), 1u);
}

// Others join in an outage, and the share is told to be half as large as what is kept from before.
TEST_F(CrowdedTopicTest, a_smaller_share_costs_nothing_that_is_there_also_where_the_worker_is_replaced) {
  constexpr uint64_t kShare = 2'000'000;
  options_.max_bytes = kShare;
  begin();
  IntakeEntry& e = open_flowing(0, "t");
  set_leader("t", -1);
  int next = 2;
  while (header().spool_bytes.load() < kShare * 7 / 10) append(e, next, next + 100), next += 100;
  ASSERT_EQ(lost_for(ledger::LossReason::dropped_oldest), 0u);
  feed_->set_share(kShare / 2);
  options_.max_bytes = header().spool_max_bytes.load();  // Briefing::contract_for
  begin();
  feed_->set_share(kShare / 2);
  IntakeEntry& again = log_->open(0, "t", "c");
  for (int i = 0; i < 5; ++i) {
    append(again, next, next + 100);
    next += 100;
  }
  EXPECT_EQ(lost_for(ledger::LossReason::dropped_oldest), 0u);
  set_leader("t", 1);
  EXPECT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, next));
  EXPECT_TRUE(turn_until([&] { return header().spool_max_bytes.load() == kShare / 2; }, 5));
}

// What an earlier generation left fills the share.
TEST_F(CrowdedTopicTest, as_little_as_possible_of_an_older_log_makes_room) {
  constexpr uint64_t kShare = 6'000'000;
  options_.max_bytes = kShare;
  begin();
  IntakeEntry& e = open_flowing(0, "t");
  set_leader("t", -1);
  int next = 2;
  while (!log_->live->is_short()) append_without_turning(e, next, next + 100), next += 100;
  turn();
  begin();
  IntakeEntry& again = log_->open(0, "t", "c");
  const auto lost_now = [&] { return lost_for(ledger::LossReason::dropped_oldest); };
  for (int i = 0; i < 300 && lost_now() == 0; ++i) append(again, next, next + 100), next += 100;
  ASSERT_NE(lost_now(), 0u);
  for (int i = 0; i < 300; ++i) turn();
  // As the keeper counts it, once a turn of its own.
  EXPECT_TRUE(turn_until([&] { return header().spool_bytes.load() > kShare * 9 / 10; }, 5));
}

}  // namespace
}  // namespace e2k::worker
