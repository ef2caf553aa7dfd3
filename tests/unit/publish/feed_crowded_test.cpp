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

}  // namespace
}  // namespace e2k::worker
