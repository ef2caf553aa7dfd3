#include "supervisor/commands/reach.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

Trouble of_words(const char* words) {
  return trouble_of({RD_KAFKA_RESP_ERR__TRANSPORT, words});
}

TEST(TroubleOf, who_closes_at_the_first_words_speaks_another_protocol) {
  EXPECT_EQ(of_words("h:9092/bootstrap: Disconnected: closed by peer (after 1ms in state APIVERSION_QUERY)"),
            Trouble::protocol);
  EXPECT_EQ(of_words("ssl://h:9092/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by "
                     "peer: connecting to a PLAINTEXT broker listener? (after 4ms in state SSL_HANDSHAKE)"),
            Trouble::protocol);
  // The same, where the end is there at librdkafka's first look.
  EXPECT_EQ(
      of_words("ssl://h:9092/bootstrap: Disconnected: SSL connection closed by peer (after 0ms in state "
               "SSL_HANDSHAKE)"),
      Trouble::protocol);
}

TEST(TroubleOf, who_closes_later_or_refuses_is_away) {
  EXPECT_EQ(of_words("h:9092/1: Disconnected: connection closed by peer (after 480012ms in state UP)"),
            Trouble::unreachable);
  EXPECT_EQ(
      of_words("ssl://h:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after "
               "0ms in state CONNECT)"),
      Trouble::unreachable);
}

}  // namespace
}  // namespace e2k::supervisor
