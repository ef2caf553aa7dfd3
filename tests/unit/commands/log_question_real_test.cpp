#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "supervisor/commands/log_question.h"
#include "tests/support/commands/real_broker.h"

namespace e2k::supervisor {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

struct LogQuestionTest : testing::Test {
  static void SetUpTestSuite() {
    broker = std::make_unique<test::RealBroker>();
    consumer = connect(broker->bootstrap()).value();
    ASSERT_TRUE(TopicAdmin(consumer->get(), "commands", milliseconds(10'000)).create(-1));
    ASSERT_TRUE(TopicAdmin(consumer->get(), "commands", milliseconds(10'000)).id());
  }
  static void TearDownTestSuite() {
    consumer.reset();
    broker.reset();
  }
  static Result<std::unique_ptr<CommandConsumer>> connect(const std::string& servers) {
    return CommandConsumer::make({{"bootstrap.servers", servers}}, [](auto, const auto&) {});
  }
  // Three times: what it answers, how long that took, how many connections were made.
  std::string three_times(const std::string& topic, const LogQuestion::Connect& make) {
    LogQuestion question(topic, [&] {
      ++connections;
      return make();
    });
    const auto begin = Clock::now();
    std::string answers;
    for (int i = 0; i < 3; ++i) {
      const auto id = question.id(consumer->get(), milliseconds(2000));
      answers += id ? (id->empty() ? "none " : "id ") : std::string(rd_kafka_err2name(id.error().code)) + " ";
    }
    took = Clock::now() - begin;
    return answers;
  }
  static inline std::unique_ptr<test::RealBroker> broker;
  static inline std::unique_ptr<CommandConsumer> consumer;
  int connections = 0;
  Clock::duration took{};
};

TEST_F(LogQuestionTest, many_questions_go_over_one_connection) {
  EXPECT_EQ(three_times("commands", [] { return connect(broker->bootstrap()); }), "id id id ");
  EXPECT_EQ(connections, 1);
}

TEST_F(LogQuestionTest, that_a_topic_is_missing_is_an_answer) {
  const std::string missing = "UNKNOWN_TOPIC_OR_PART ";
  EXPECT_EQ(three_times("nothing", [] { return connect(broker->bootstrap()); }), missing + missing + missing);
  EXPECT_EQ(connections, 1);
}

TEST_F(LogQuestionTest, where_nobody_answers_it_goes_over_the_consumers_connection_and_others_at_once) {
  EXPECT_EQ(three_times("commands", [] { return connect("127.0.0.1:1"); }), "id id id ");
  EXPECT_EQ(connections, 1);
  EXPECT_LT(took, milliseconds(2500));
}

TEST_F(LogQuestionTest, where_files_can_not_be_used_it_goes_over_the_consumers_connection) {
  EXPECT_EQ(three_times("commands",
                        []() -> Result<std::unique_ptr<CommandConsumer>> {
                          return fail("no key for this certificate");
                        }),
            "id id id ");
  EXPECT_EQ(connections, 1);
}

}  // namespace
}  // namespace e2k::supervisor
