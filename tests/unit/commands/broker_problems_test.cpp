#include "supervisor/commands/broker_problems.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

constexpr const char* kRefused =
    "SASL authentication error: Authentication failed (after 2ms in state AUTH_REQ)";

TEST(BrokerProblems, each_kind_has_a_reason_with_words_servers_and_remedy) {
  for (const auto& [code, kind] : broker_problems()) {
    const std::string text = broker_problem_text({kind, "librdkafka's words"}, "h:9092", "");
    EXPECT_NE(text.find("librdkafka's words"), std::string::npos) << to_string(code);
    EXPECT_NE(text.find("h:9092"), std::string::npos) << to_string(code);
    EXPECT_EQ(kind_of(code).owner, ReasonOwner::brokers);
  }
  EXPECT_EQ(broker_problem_text({}, "h:9092", "ssl.ca.location=/a"), "");
}

TEST(BrokerProblems, a_listener_with_tls_that_is_asked_without_is_told_from_a_certificate_that_is_wrong) {
  const auto told = [](const char* words) {
    return broker_problem_text({kafka::ErrorKind::tls, words}, "h:9092", "");
  };
  EXPECT_NE(told("Disconnected: closed by peer (after 1ms in state APIVERSION_QUERY)").find("they speak TLS"),
            std::string::npos);
  EXPECT_EQ(told("SSL handshake failed: certificate verify failed").find("they speak TLS"),
            std::string::npos);
}

TEST(BrokerProblems, a_worker_that_is_refused_is_told_though_the_command_topic_can_be_read) {
  BrokerProblems problems;
  problems.of_workers({{0, 1, ""}, {1, 0, kRefused}, {2, 0, kRefused}}, "h:9092", "");
  auto judged = problems.judged();
  EXPECT_EQ(judged.size(), 4u);
  EXPECT_EQ(judged[ReasonCode::kafka_login_refused].rfind("worker 1: ", 0), 0u)
      << judged[ReasonCode::kafka_login_refused];
  EXPECT_EQ(judged[ReasonCode::brokers_down], "");
}

TEST(BrokerProblems, files_of_certificates_are_named_where_they_may_be_what_is_wrong) {
  for (const auto kind : {kafka::ErrorKind::tls, kafka::ErrorKind::login})
    EXPECT_NE(broker_problem_text({kind, ""}, "h:9092", "ssl.ca.location=/a").find("ssl.ca.location=/a"),
              std::string::npos);
  EXPECT_EQ(broker_problem_text({kafka::ErrorKind::down, ""}, "h:9092", "ssl.ca.location=/a").find("/a"),
            std::string::npos);
}

TEST(BrokerProblems, words_of_the_past_end_when_the_worker_reaches_a_broker) {
  BrokerProblems problems;
  problems.of_workers({{0, 0, kRefused}}, "h:9092", "");
  EXPECT_NE(problems.judged()[ReasonCode::kafka_login_refused], "");
  problems.of_workers({{0, 1, kRefused}}, "h:9092", "");
  for (const auto& [code, text] : problems.judged()) EXPECT_EQ(text, "") << to_string(code);
}

TEST(BrokerProblems, that_all_brokers_are_down_hides_no_cause_that_the_supervisor_knows) {
  BrokerProblems problems;
  problems.of_tail(ReasonCode::kafka_tls, "no certificate fits");
  problems.of_workers({{0, 0, "1/1 brokers are down"}}, "h:9092", "");
  auto judged = problems.judged();
  EXPECT_EQ(judged[ReasonCode::kafka_tls], "no certificate fits");
  EXPECT_EQ(judged[ReasonCode::brokers_down], "");
  problems.of_tail(ReasonCode::kafka_tls, "");
  EXPECT_NE(problems.judged()[ReasonCode::brokers_down], "");
}

}  // namespace
}  // namespace e2k::supervisor
