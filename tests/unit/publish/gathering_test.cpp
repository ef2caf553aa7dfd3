// How long records wait for company, at which rates and for how many topics.
#include "worker/publish/gathering.h"

#include <gtest/gtest.h>

#include <vector>

#include "worker/publish/sharing.h"

namespace e2k::worker {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1000 * kMs;

class GatheringTest : public ::testing::Test {
protected:
  // A second of so many records of each of the topics [first, first + topics).
  void count(size_t first, size_t topics, int records) {
    if (paces_.size() < first + topics) paces_.resize(first + topics);
    for (size_t t = first; t < first + topics; ++t)
      for (int i = 0; i < records; ++i) (void)gathering_.may_wait(paces_[t]);
  }
  void end_second(int64_t took_ns = kSecond) { gathering_.begin_turn(now_ns_ += took_ns); }
  int64_t hold_ms_after(size_t topics, int records) {
    gathering_.begin_turn(now_ns_);
    count(0, topics, records);
    end_second();
    return gathering_.hold_ns() / kMs;
  }
  bool waits(size_t topic) { return gathering_.may_wait(paces_[topic]); }

  Gathering gathering_{kSecond};
  std::vector<TopicPace> paces_;
  int64_t now_ns_ = 1;
};

TEST_F(GatheringTest, few_topics_are_not_held_at_any_rate) {
  EXPECT_EQ(hold_ms_after(1, 200'000), 0);
  EXPECT_EQ(hold_ms_after(10, 20'000), 0);
}

TEST_F(GatheringTest, many_topics_at_a_low_rate_are_not_held) {
  EXPECT_EQ(hold_ms_after(2'000, 1), 0);
  EXPECT_EQ(hold_ms_after(4'900, 1), 0);
}

TEST_F(GatheringTest, records_that_meet_nobody_are_not_held_however_many_they_are) {
  EXPECT_EQ(hold_ms_after(20'000, 1), 0);
}

TEST_F(GatheringTest, many_topics_at_a_high_rate_wait_for_a_dozen_records) {
  EXPECT_EQ(hold_ms_after(500, 50), 240);
  EXPECT_EQ(hold_ms_after(2'000, 13), 923);
  EXPECT_EQ(hold_ms_after(1'250, 10), 1000);
}

TEST_F(GatheringTest, where_it_makes_few_requests_the_hold_is_shorter) {
  EXPECT_EQ(hold_ms_after(60, 95), 60);
}

TEST_F(GatheringTest, nothing_waits_for_longer_than_the_site_allows) {
  EXPECT_EQ(hold_ms_after(2'000, 5), 1000);
  gathering_ = Gathering(200 * kMs);
  EXPECT_EQ(hold_ms_after(2'000, 13), 200);
  gathering_ = Gathering(0);
  EXPECT_EQ(hold_ms_after(2'000, 13), 0);
}

TEST_F(GatheringTest, slow_topic_does_not_wait_beside_many_brisk_ones) {
  gathering_.begin_turn(now_ns_);
  count(0, 2'000, 13);
  count(2'000, 100, 1);
  end_second();
  EXPECT_TRUE(waits(0));
  EXPECT_FALSE(waits(2'000));
  paces_.resize(3'000);
  EXPECT_FALSE(waits(2'999)) << "nothing is known of it yet";
}

TEST_F(GatheringTest, hold_ends_when_the_rate_has_fallen_by_half_and_not_before) {
  EXPECT_GT(hold_ms_after(1'000, 6), 0);
  EXPECT_GT(hold_ms_after(1'000, 3), 0) << "it was begun at twice the rate only";
  EXPECT_EQ(hold_ms_after(1'000, 2), 0);
  EXPECT_EQ(hold_ms_after(1'000, 4), 0) << "it begins at twice the rate only";
}

TEST_F(GatheringTest, after_a_pause_nothing_is_known_of_the_topics) {
  gathering_.begin_turn(now_ns_);
  count(0, 2'000, 13);
  end_second(1'900 * kMs);
  EXPECT_TRUE(waits(0));
  count(0, 2'000, 26);
  end_second(2'100 * kMs);
  EXPECT_FALSE(waits(0));
}

TEST(Sharing, first_topics_share_one_producer_and_the_rest_is_divided) {
  std::array<size_t, kMainProducers> topics{};
  for (size_t i = 0; i < 5'000; ++i) {
    const size_t chosen = producer_for_next(topics, kMainProducers);
    if (i < kTopicsOfAProducer) {
      EXPECT_EQ(chosen, 0u);
    }
    ++topics[chosen];
  }
  for (const size_t count : topics) EXPECT_EQ(count, 5'000 / kMainProducers);
}

TEST(Sharing, what_cannot_be_opened_gets_no_topic) {
  std::array<size_t, kMainProducers> topics{};
  topics[0] = topics[1] = 3 * kTopicsOfAProducer;
  ++topics[1];
  EXPECT_EQ(producer_for_next(topics, 2), 0u);
  EXPECT_EQ(producer_for_next(topics, 1), 0u);
}

TEST(Sharing, place_of_a_topic_that_went_is_taken_again) {
  std::array<size_t, kMainProducers> topics{kTopicsOfAProducer - 1, 100, 0, 0};
  EXPECT_EQ(producer_for_next(topics, kMainProducers), 0u);
}

}  // namespace
}  // namespace e2k::worker
