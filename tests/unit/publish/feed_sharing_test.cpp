// Topics that are shared out among several producers: what happens to one producer stays there.
#include "tests/unit/publish/feed_fixture.h"

namespace e2k::worker {
namespace {

class FeedSharingTest : public FeedFixture {
protected:
  FeedSharingTest() { outlet_options_.topics_of_a_producer = 1; }

  void came_back(Topic& topic, const InFlight& what, const FlowOutcome& outcome) override {
    ++came_back_[topic.name];
    FeedFixture::came_back(topic, what, outcome);
  }

  // The broker's own, because once it has some it does not look for the cluster's.
  void push_error(rd_kafka_resp_err_t error) {
    rd_kafka_mock_broker_push_request_error_rtts(mock_.get(), 1, 0, 1, error, 0);
  }
  bool no_error_is_left() {
    size_t left = 0;
    return rd_kafka_mock_broker_error_stack_cnt(mock_.get(), 1, 0, &left) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           left == 0;
  }

  std::map<std::string, int> came_back_;
};

TEST_F(FeedSharingTest, end_of_one_producer_gives_back_nothing_of_another) {
  send_together(outlet_options_.properties);
  begin();
  IntakeEntry& first = open_flowing(0, "first");
  IntakeEntry& other = open_flowing(1, "other");
  // Its records stay in flight, and it has seen that nobody takes them.
  set_leader("other", -1);
  push_error(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  append(other, 2, 12);
  ASSERT_TRUE(turn_until([&] { return outlet_->in_flight() == 10 && no_error_is_left(); }));
  push_error(RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
  append(first, 2, 50);
  ASSERT_TRUE(turn_until([&] { return counts(0).acknowledged == 50; }));
  EXPECT_GT(came_back_["first"], 0);
  EXPECT_EQ(came_back_["other"], 0);
  set_leader("other", 1);
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("first"), numbers(0, 50));
  EXPECT_EQ(consumed("other"), numbers(0, 12));
}

TEST_F(FeedSharingTest, more_topics_than_producers_flow_in_order_over_the_end_of_each) {
  send_together(outlet_options_.properties);
  begin();
  constexpr uint32_t kTopics = 3 * kMainProducers;
  std::vector<IntakeEntry*> entries;
  for (uint32_t t = 0; t < kTopics; ++t) entries.push_back(&open_flowing(t, "t" + std::to_string(t)));
  for (int round = 0; round < 10; ++round) {
    if (round % 3 == 1)
      rd_kafka_mock_push_request_errors(mock_.get(), 0, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
    for (IntakeEntry* entry : entries) append(*entry, 2 + round * 20, 22 + round * 20);
  }
  ASSERT_TRUE(drained());
  for (uint32_t t = 0; t < kTopics; ++t) EXPECT_EQ(consumed("t" + std::to_string(t)), numbers(0, 202));
}

// librdkafka forgets no topic by itself.
TEST_F(FeedSharingTest, careful_producer_is_made_anew_once_it_knows_too_many_topics_that_left_it) {
  outlet_options_.topics_kept_in_mind = 3;
  outlet_options_.look_at_topics_ns = 0;
  begin();
  const rd_kafka_t* const first = outlet_->careful_handle();
  for (uint32_t i = 0; i < 4; ++i) append(log_->open(i, "t" + std::to_string(i), "c"), 0, 5);
  ASSERT_TRUE(turn_until([&] {
    const rd_kafka_t* const now = outlet_->careful_handle();
    return now != nullptr && now != first;
  }));
  ASSERT_TRUE(drained());
  append(log_->open(4, "t4", "c"), 0, 5);
  ASSERT_TRUE(drained());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(consumed("t" + std::to_string(i)), numbers(0, 5));
  EXPECT_EQ(header().republished.load(), 0u);
}

}  // namespace
}  // namespace e2k::worker
