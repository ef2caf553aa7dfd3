#include "supervisor/commands/fetch_watch.h"

#include <gtest/gtest.h>

#include "supervisor/commands/tail_problems.h"

namespace e2k::supervisor {
namespace {

constexpr int64_t kSecond = kNsPerSecond;

struct FetchWatchTest : testing::Test {
  FetchWatchTest() { watch.begin(0); }
  void look_at(int64_t second, std::optional<int64_t> end, bool has_leader = true) {
    now = MonotonicNs{second * kSecond};
    watch.looked(0, has_leader, end, now, RealNs{second * kSecond});
  }
  size_t stalled() { return watch.stalled(now).size(); }
  FetchWatch watch;
  MonotonicNs now{0};
};

TEST_F(FetchWatchTest, a_partition_that_was_read_to_its_end_does_not_stall) {
  watch.moved(0, 7);
  for (int second = 0; second < 60; second += 5) look_at(second, 7);
  EXPECT_EQ(stalled(), 0u);
  EXPECT_FALSE(watch.is_in_doubt());
}

TEST_F(FetchWatchTest, a_partition_that_brings_nothing_of_what_it_holds_stalls_until_it_does) {
  watch.moved(0, 7);
  look_at(0, 7);
  look_at(5, 9);
  EXPECT_TRUE(watch.is_in_doubt()) << "it may be on its way";
  EXPECT_EQ(stalled(), 0u);
  look_at(9, 9);
  ASSERT_EQ(stalled(), 1u);
  EXPECT_EQ(watch.stalled(now)[0].since, RealNs{5 * kSecond});
  watch.moved(0, 9);
  EXPECT_EQ(stalled(), 0u);
}

TEST_F(FetchWatchTest, a_partition_that_moves_between_looks_does_not_stall_however_much_is_left) {
  for (int second = 0; second < 60; second += 5) {
    watch.moved(0, second);
    look_at(second, 1'000'000);
  }
  EXPECT_EQ(stalled(), 0u);
}

TEST_F(FetchWatchTest, a_partition_without_a_leader_stalls_though_all_was_read) {
  watch.moved(0, 7);
  look_at(0, std::nullopt, false);
  look_at(4, std::nullopt, false);
  ASSERT_EQ(stalled(), 1u);
  EXPECT_FALSE(watch.stalled(now)[0].has_leader);
  look_at(5, 7);
  EXPECT_EQ(stalled(), 0u);
}

TEST_F(FetchWatchTest, an_end_that_was_never_told_is_a_stall_even_of_an_empty_partition) {
  look_at(0, 0);
  look_at(5, 0);
  look_at(9, 0);
  EXPECT_EQ(stalled(), 1u);
}

TEST_F(FetchWatchTest, a_refusal_stands_until_something_comes_and_is_asked_about_again) {
  watch.moved(0, 7);
  watch.refused(0, "Topic authorization failed");
  look_at(0, 7);
  look_at(60, 7);
  EXPECT_EQ(watch.refusal(), "Topic authorization failed");
  EXPECT_EQ(watch.to_ask_again(), std::vector<int32_t>{0});
  EXPECT_EQ(stalled(), 0u) << "it is told as what it is";
  watch.moved(0, 7);
  EXPECT_EQ(watch.refusal(), "");
}

TEST_F(FetchWatchTest, what_stalls_is_named_with_its_partition_its_time_and_the_remedy) {
  look_at(0, std::nullopt, false);
  look_at(4, std::nullopt, false);
  const std::string text = TailProblems("commands", "broker:9092").stalled(watch, now);
  EXPECT_NE(text.find("partition 0 has no leader since 1970-01-01T00:00:00"), std::string::npos) << text;
  EXPECT_NE(text.find("kafka-topics.sh --bootstrap-server broker:9092 --describe --topic commands"),
            std::string::npos);
}

TEST_F(FetchWatchTest, that_settings_may_not_be_seen_is_told_and_a_broker_that_is_slow_is_not) {
  const TailProblems problems("commands", "broker:9092");
  TopicLook found;
  found.policy_error = {RD_KAFKA_RESP_ERR__TIMED_OUT, "timed out"};
  EXPECT_EQ(problems.settings_hidden(found), "");
  found.policy_error = {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "refused"};
  EXPECT_NE(problems.settings_hidden(found).find("DescribeConfigs"), std::string::npos);
}

}  // namespace
}  // namespace e2k::supervisor
