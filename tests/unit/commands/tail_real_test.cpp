// The tail on a real broker: topics absent, uncompacted, growing, vanishing; brokers that are not there.
#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <iostream>
#include <set>

#include "supervisor/commands/replay.h"
#include "supervisor/commands/tail.h"
#include "tests/support/commands/real_broker.h"

namespace e2k::supervisor {
namespace {

using ctl::TopicWrite;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::unique_ptr<test::RealBroker> broker;

class BrokerEnvironment : public testing::Environment {
public:
  void SetUp() override { broker = std::make_unique<test::RealBroker>(); }
  void TearDown() override { broker.reset(); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new BrokerEnvironment);

class TailTest : public testing::Test {
protected:
  TailTest() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    config_.commands.topic = std::string(info->name()).substr(0, 60);
    use(broker->bootstrap());
  }
  void use(const std::string& bootstrap) {
    config_.kafka.common["bootstrap.servers"] = {bootstrap, false};
    config_.kafka.common["reconnect.backoff.max.ms"] = {"500", false};
  }
  const std::string& topic() const { return config_.commands.topic; }

  void start() {
    Tail::Callbacks callbacks;
    callbacks.reading = [this](std::span<const int32_t> partitions, const TopicLog& log) {
      replay_.reading(partitions, log);
    };
    callbacks.record = [this](const TopicRecord& record) {
      replay_.take(record);
      records_.push_back(
          {record.partition, record.offset, std::string(record.key.value_or("")), std::nullopt});
      if (record.value) records_.back().value = *record.value;
    };
    callbacks.batch_end = [this] { ++batches_; };
    callbacks.end = [this](int32_t partition, int64_t offset) {
      if (!replay_.end(partition, offset)) return;
      (void)replay_.release(SIZE_MAX);
      replay_.settled();
      ends_ = replay_.kept();
    };
    callbacks.started_over = [this] { replay_.start_over(); };
    callbacks.problem = [this](ReasonCode code, const std::string& message) {
      problems_[to_string(code)] = message;
      if (message.empty()) problems_.erase(to_string(code));
    };
    auto started = Tail::start(loop_, config_, std::move(callbacks));
    ASSERT_TRUE(started) << started.error().message;
    tail_ = std::move(*started);
  }
  // Runs the loop until `holds`; false when a minute has passed.
  bool until(const std::function<bool()>& holds) {
    const auto end = Clock::now() + std::chrono::seconds(60);
    while (!holds()) {
      if (Clock::now() > end) return false;
      loop_.restart();
      loop_.run_one_for(milliseconds(20));
    }
    return true;
  }

  struct Seen {
    int32_t partition;
    int64_t offset;
    std::string key;
    std::optional<std::string> value;
  };
  Config config_;
  boost::asio::io_context loop_;
  std::vector<Seen> records_;
  Replay replay_{[](const TopicRecord&) { return CommandState::Standing::news; }};
  std::optional<std::map<int32_t, int64_t>> ends_;
  std::map<std::string, std::string> problems_;
  int batches_ = 0;
  std::unique_ptr<Tail> tail_;
};

TEST_F(TailTest, makes_an_absent_topic_and_follows_it_live) {
  start();
  EXPECT_EQ(replay_.offset(), -1);
  ASSERT_TRUE(until([&] { return ends_.has_value(); }));
  EXPECT_EQ(*ends_, (std::map<int32_t, int64_t>{{0, 0}}));
  EXPECT_TRUE(problems_.empty());
  broker->produce(topic(), {{"a", "1", {}}, {"b", std::nullopt, {}}, {"c", "", {}}});
  ASSERT_TRUE(until([&] { return records_.size() == 3; }));
  EXPECT_EQ(records_[0].value, "1");
  EXPECT_EQ(records_[1].value, std::nullopt);
  EXPECT_EQ(records_[2].value, "");
  EXPECT_EQ(replay_.offset(), 3);
  EXPECT_GT(batches_, 0);
}

TEST_F(TailTest, reads_25000_records_from_the_beginning_before_it_has_caught_up) {
  std::vector<TopicWrite> writes;
  for (int i = 0; i < 25'000; ++i)
    writes.push_back(
        {R"({"topic":"t","channel":"IOC:device)" + std::to_string(i) + "\"}", R"({"mask":"va"})", {}});
  broker->create_compacted(topic());
  broker->produce(topic(), writes);
  const auto begin = Clock::now();
  start();
  ASSERT_TRUE(until([&] { return ends_.has_value(); }));
  std::cout << "25,000 records: " << std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count()
            << " ms\n";
  EXPECT_EQ(records_.size(), 25'000u);
  EXPECT_EQ(ends_->at(0), 25'000);
}

TEST_F(TailTest, names_the_repair_of_a_topic_that_is_not_compacted_and_reads_it) {
  broker->produce(topic(), {{"a", "1", {}}});
  start();
  ASSERT_TRUE(until([&] { return ends_ && problems_.contains("COMMAND_TOPIC_NOT_COMPACTED"); }));
  EXPECT_NE(problems_["COMMAND_TOPIC_NOT_COMPACTED"].find("kafka-configs.sh --bootstrap-server " +
                                                          broker->bootstrap() + " --alter --topic " +
                                                          topic() + " --add-config cleanup.policy=compact"),
            std::string::npos)
      << problems_["COMMAND_TOPIC_NOT_COMPACTED"];
  EXPECT_EQ(records_.size(), 1u);
}

TEST_F(TailTest, waits_for_a_topic_that_it_may_not_make) {
  config_.commands.create_topic = false;
  start();
  ASSERT_TRUE(until([&] { return problems_.contains("COMMAND_TOPIC_MISSING"); }));
  EXPECT_FALSE(replay_.live());
  broker->create_compacted(topic());
  ASSERT_TRUE(until([&] { return ends_.has_value(); }));
  EXPECT_TRUE(problems_.empty());
}

TEST_F(TailTest, reads_a_partition_that_is_added_later) {
  broker->create_compacted(topic());
  start();
  ASSERT_TRUE(until([&] { return ends_.has_value(); }));
  broker->set_partitions(topic(), 2);
  // The client that writes may not know of it at once either.
  ASSERT_TRUE(until([&] {
    const auto wrote =
        ctl::write_topic(broker->settings(topic()), {{"late", "1", 1}}, milliseconds(5000), nullptr);
    return wrote.has_value();
  }));
  ASSERT_TRUE(until([&] { return !records_.empty(); }));
  EXPECT_EQ(records_[0].partition, 1);
}

// A topic of `before` records vanishes and comes back with three others.
class VanishedTopicTest : public TailTest, public testing::WithParamInterface<int> {
protected:
  VanishedTopicTest() { config_.commands.topic = "vanishes-" + std::to_string(GetParam()); }
};

TEST_P(VanishedTopicTest, is_followed_from_its_new_beginning) {
  broker->create_compacted(topic());
  for (int i = 0; i < GetParam(); ++i) broker->produce(topic(), {{"old" + std::to_string(i), "1", {}}});
  start();
  ASSERT_TRUE(until([&] { return ends_.has_value(); }));
  broker->remove(topic());
  ASSERT_TRUE(until([&] { return problems_.contains("COMMAND_TOPIC_MISSING"); }));
  records_.clear();
  broker->create_compacted(topic());
  broker->produce(topic(), {{"c", "1", {}}, {"d", "1", {}}, {"e", "1", {}}});
  // Those behind the old end may come twice.
  const auto keys = [&] {
    std::set<std::string> seen;
    for (const auto& record : records_) seen.insert(record.key);
    return seen;
  };
  EXPECT_TRUE(until([&] { return keys() == std::set<std::string>{"c", "d", "e"}; })) << records_.size();
  EXPECT_TRUE(until([&] { return !problems_.contains("COMMAND_TOPIC_MISSING") && replay_.live(); }));
  EXPECT_TRUE(replay_.is_renewed());
}

INSTANTIATE_TEST_SUITE_P(LongerAndShorter, VanishedTopicTest, testing::Values(2, 5));

TEST_F(TailTest, reads_a_topic_from_its_beginning_that_is_made_anew_within_moments_and_longer_than_it_was) {
  broker->create_compacted(topic());
  broker->produce(topic(), {{"a", "1", {}}, {"b", "1", {}}});
  start();
  ASSERT_TRUE(until([&] { return ends_.has_value(); }));
  records_.clear();
  broker->remove(topic());
  broker->create_compacted(topic());
  std::vector<TopicWrite> writes;
  for (int i = 0; i < 100; ++i) writes.push_back({"new" + std::to_string(i), "1", {}});
  broker->produce(topic(), writes);
  ASSERT_TRUE(until([&] { return replay_.is_renewed() && replay_.live(); }));
  ASSERT_EQ(records_.size(), 100u) << "none of them came live";
  EXPECT_EQ(records_[0].key, "new0");
}

TEST_F(TailTest, tells_that_no_broker_answers_and_ends_at_once) {
  use("127.0.0.1:1");
  start();
  ASSERT_TRUE(until([&] { return problems_.contains("BROKERS_DOWN"); }));
  EXPECT_NE(tail_->last_error(), "");
  EXPECT_FALSE(ends_);
  const auto begin = Clock::now();
  tail_.reset();
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));  // it must not hang, however slow the machine
}

}  // namespace
}  // namespace e2k::supervisor
