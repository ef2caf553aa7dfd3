// The states are those that connections of librdkafka 2.12 went through, with its names.
#include "common/kafka/closings.h"

#include <gtest/gtest.h>

#include <string>

#include "common/kafka/error_kind.h"

namespace e2k::kafka {
namespace {

constexpr int64_t kMs = 1'000'000;
const std::string kAddress = "127.0.0.1:9093";

class ClosingsTest : public testing::Test {
protected:
  void state(const char* name, int64_t after_ms = 0, const char* protocol = "plaintext",
             const std::string& address = kAddress) {
    closings_.take(address, protocol, name, now_ns_ += after_ms * kMs);
  }
  // A connection that is closed so long after the first question.
  void is_closed(int64_t after_ms, const char* protocol = "plaintext") {
    for (const char* name : {"TRY_CONNECT", "CONNECT", "APIVERSION_QUERY"}) state(name, 1, protocol);
    state("DOWN", after_ms, protocol);
    now_ns_ += 1000 * kMs;  // reconnect.backoff
  }
  void is_refused() {
    for (const char* name : {"TRY_CONNECT", "CONNECT", "DOWN"}) state(name, 1);
    now_ns_ += 1000 * kMs;
  }
  std::string words() const { return closings_.words(); }

  Closings closings_;
  int64_t now_ns_ = 1000 * kMs;
};

TEST_F(ClosingsTest, plain_text_against_tls_is_told_when_it_repeats) {
  is_closed(3);
  is_closed(100);
  EXPECT_EQ(words(), "");
  is_closed(3);
  EXPECT_EQ(
      words(),
      kAddress + ": Disconnected: connection closed by peer, time and again (in state APIVERSION_QUERY)");
  EXPECT_EQ(kind_of(words()), ErrorKind::tls);
}

TEST_F(ClosingsTest, a_login_without_tls_against_tls_is_the_same) {
  for (int i = 0; i < 3; ++i) is_closed(3, "sasl_plaintext");
  EXPECT_EQ(kind_of(words()), ErrorKind::tls);
}

TEST_F(ClosingsTest, three_times_in_a_moment_tell_nothing) {
  for (int i = 0; i < 3; ++i) {
    state("APIVERSION_QUERY", 300);
    state("DOWN", 3);
  }
  EXPECT_EQ(words(), "");
}

TEST_F(ClosingsTest, who_answered_once_is_killed_without_a_word) {
  is_closed(3);
  is_closed(3);
  state("APIVERSION_QUERY", 1);
  state("UP", 1);
  state("DOWN", 50);  // "Disconnected … (after 50ms in state UP)"
  EXPECT_EQ(words(), "");
  // Something before the broker (a tunnel, a balancer) takes connections for it and closes them.
  for (int i = 0; i < 20; ++i) is_closed(1);
  EXPECT_EQ(words(), "");
}

TEST_F(ClosingsTest, an_answer_ends_it) {
  for (int i = 0; i < 3; ++i) is_closed(3);
  ASSERT_NE(words(), "");
  state("APIVERSION_QUERY", 1);
  state("UP", 1);
  EXPECT_EQ(words(), "");
}

TEST_F(ClosingsTest, an_answer_of_another_broker_ends_it) {
  for (int i = 0; i < 3; ++i) is_closed(3);
  state("APIVERSION_QUERY", 1, "plaintext", "127.0.0.1:9092");
  state("UP", 1, "plaintext", "127.0.0.1:9092");
  EXPECT_EQ(words(), "");
}

TEST_F(ClosingsTest, a_question_about_the_login_follows_an_answer) {
  for (int i = 0; i < 4; ++i) {
    state("APIVERSION_QUERY", 1, "sasl_plaintext");
    state("AUTH_HANDSHAKE", 1, "sasl_plaintext");
    state("DOWN", 1, "sasl_plaintext");
    now_ns_ += 1000 * kMs;
  }
  EXPECT_EQ(words(), "");
}

TEST_F(ClosingsTest, a_broker_that_is_killed_before_it_answers_is_refused_from_then_on) {
  is_closed(3);
  for (int i = 0; i < 5; ++i) is_refused();
  EXPECT_EQ(words(), "");
}

TEST_F(ClosingsTest, a_broker_that_dies_at_each_start_is_down) {
  for (int i = 0; i < 10; ++i) {
    is_closed(3);
    is_refused();
    is_refused();
  }
  EXPECT_EQ(words(), "");
}

TEST_F(ClosingsTest, refusals_end_it) {
  for (int i = 0; i < 3; ++i) is_closed(3);
  is_refused();
  EXPECT_NE(words(), "");
  is_refused();
  EXPECT_EQ(words(), "");
}

// "localhost", where only IPv4 is listened to.
TEST_F(ClosingsTest, a_name_with_an_address_that_refuses_is_told_all_the_same) {
  for (int i = 0; i < 3; ++i) {
    is_refused();
    is_closed(3);
  }
  EXPECT_EQ(kind_of(words()), ErrorKind::tls);
}

TEST_F(ClosingsTest, a_broker_that_hangs_times_out) {
  for (int i = 0; i < 5; ++i) is_closed(10'000);
  EXPECT_EQ(words(), "");
  is_closed(3);
  is_closed(3);
  is_closed(10'000);
  is_closed(3);
  EXPECT_EQ(words(), "");
}

TEST_F(ClosingsTest, a_short_time_out_is_no_closing) {
  closings_.know_time_out(200 * kMs);
  for (int i = 0; i < 5; ++i) is_closed(199);
  EXPECT_EQ(words(), "");
  for (int i = 0; i < 3; ++i) is_closed(100);
  EXPECT_NE(words(), "");
}

TEST_F(ClosingsTest, who_shook_hands_is_another_matter) {
  for (const char* protocol : {"ssl", "sasl_ssl"})
    for (int i = 0; i < 5; ++i) is_closed(3, protocol);
  EXPECT_EQ(words(), "");
}

}  // namespace
}  // namespace e2k::kafka
