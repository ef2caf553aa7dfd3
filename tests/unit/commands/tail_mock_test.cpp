// The tail on librdkafka's mock cluster: what a single real broker can't show, partitions without a leader.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <map>
#include <string>

#include "supervisor/commands/tail.h"

namespace e2k::supervisor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int16_t kFetch = 1;  // the request's number

struct MockTailTest : testing::Test {
  MockTailTest() {
    char text[256];
    handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    cluster = rd_kafka_mock_cluster_new(handle, 1);
    // The mock of later versions dies of a fetch from a partition without a leader.
    rd_kafka_mock_set_apiversion(cluster, kFetch, 4, 11);
    rd_kafka_mock_topic_create(cluster, "commands", 2, 1);
    config.commands.topic = "commands";
    config.kafka.common["bootstrap.servers"] = {rd_kafka_mock_cluster_bootstraps(cluster), false};
  }
  ~MockTailTest() override {
    tail.reset();
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(handle);
  }
  void start() {
    Tail::Callbacks callbacks;
    callbacks.reading = [](std::span<const int32_t>, const TopicLog&) {};
    callbacks.record = [](const TopicRecord&) {};
    callbacks.end = [this](int32_t partition, int64_t) { ++ends[partition]; };
    callbacks.started_over = [] {};
    callbacks.batch_end = [] {};
    callbacks.problem = [this](ReasonCode code, const std::string& message) { problems[code] = message; };
    auto started = Tail::start(loop, config, std::move(callbacks));
    ASSERT_TRUE(started) << started.error().message;
    tail = std::move(*started);
  }
  template <class Condition>
  bool until(Condition holds) {
    const auto end = Clock::now() + std::chrono::seconds(40);
    while (!holds()) {
      if (Clock::now() > end) return false;
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  rd_kafka_t* handle = nullptr;
  rd_kafka_mock_cluster_t* cluster = nullptr;
  Config config;
  boost::asio::io_context loop;
  std::map<int32_t, int> ends;
  std::map<ReasonCode, std::string> problems;
  std::unique_ptr<Tail> tail;
};

TEST_F(MockTailTest, a_partition_without_a_leader_is_told_until_it_has_one) {
  start();
  ASSERT_TRUE(until([&] { return ends.size() == 2; }));
  rd_kafka_mock_partition_set_leader(cluster, "commands", 1, -1);
  ASSERT_TRUE(until([&] { return !problems[ReasonCode::command_topic_stalled].empty(); }));
  EXPECT_NE(problems[ReasonCode::command_topic_stalled].find("partition 1 has no leader since"),
            std::string::npos)
      << problems[ReasonCode::command_topic_stalled];
  rd_kafka_mock_partition_set_leader(cluster, "commands", 1, 1);
  EXPECT_TRUE(until([&] { return problems[ReasonCode::command_topic_stalled].empty(); }));
}

TEST_F(MockTailTest, a_refused_fetch_is_told_until_one_is_answered_though_nothing_new_comes) {
  start();
  ASSERT_TRUE(until([&] { return ends.size() == 2; }));
  std::vector<rd_kafka_resp_err_t> refusals(1000, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  rd_kafka_mock_push_request_errors_array(cluster, kFetch, refusals.size(), refusals.data());
  ASSERT_TRUE(until([&] { return !problems[ReasonCode::command_topic_not_authorised].empty(); }));
  rd_kafka_mock_clear_request_errors(cluster, kFetch);
  EXPECT_TRUE(until([&] { return problems[ReasonCode::command_topic_not_authorised].empty(); }));
}

TEST_F(MockTailTest, the_end_of_a_topic_is_told_with_its_last_record_however_long_a_fetch_waits_for_more) {
  config.kafka.consumer["fetch.wait.max.ms"] = {"30000", false};
  rd_kafka_brokers_add(handle, rd_kafka_mock_cluster_bootstraps(cluster));
  for (const int32_t partition : {0, 1})
    ASSERT_EQ(rd_kafka_producev(handle, RD_KAFKA_V_TOPIC("commands"), RD_KAFKA_V_PARTITION(partition),
                                RD_KAFKA_V_KEY("key", 3), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
  ASSERT_EQ(rd_kafka_flush(handle, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  const auto begin = Clock::now();
  start();
  // Of one partition: where the other joins only after the first fetch went out, it waits for that one's end.
  ASSERT_TRUE(until([&] { return !ends.empty(); }));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(15));
}

}  // namespace
}  // namespace e2k::supervisor
