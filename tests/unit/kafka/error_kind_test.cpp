// Each text is one of librdkafka's own, as it came from 2.12.
#include "common/kafka/error_kind.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace e2k::kafka {
namespace {

struct Case {
  rd_kafka_resp_err_t code;
  const char* text;
  ErrorKind kind;
};

const std::vector<Case> kCases = {
    {RD_KAFKA_RESP_ERR__TRANSPORT,
     "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state "
     "CONNECT)",
     ErrorKind::down},
    {RD_KAFKA_RESP_ERR__TRANSPORT,
     "10.0.0.9:9092/bootstrap: Connection setup timed out in state CONNECT (after 30029ms in state CONNECT)",
     ErrorKind::down},
    {RD_KAFKA_RESP_ERR__RESOLVE,
     "kafka.invalid:9092/bootstrap: Failed to resolve 'kafka.invalid:9092': Name or service not known (after "
     "3ms "
     "in state CONNECT)",
     ErrorKind::down},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down", ErrorKind::down},
    {RD_KAFKA_RESP_ERR__TRANSPORT,
     "127.0.0.1:9092/bootstrap: ApiVersionRequest failed: Local: Timed out: probably due to broker version < "
     "0.10 "
     "(see api.version.request configuration) (after 10010ms in state APIVERSION_QUERY)",
     ErrorKind::silent},
    {RD_KAFKA_RESP_ERR__TRANSPORT,
     "ssl://127.0.0.1:9092/bootstrap: Connection setup timed out in state SSL_HANDSHAKE (after 30005ms in "
     "state "
     "SSL_HANDSHAKE)",
     ErrorKind::silent},
    {RD_KAFKA_RESP_ERR__TIMED_OUT,
     "127.0.0.1:9092/1: 1 request(s) timed out: disconnect (average rtt 2.501ms) (after 61003ms in state UP)",
     ErrorKind::silent},
    {RD_KAFKA_RESP_ERR__FAIL,
     "[thrd:127.0.0.1:9092/1]: 127.0.0.1:9092/1: Timed out 1 in-flight, 0 retry-queued, 0 out-queue, 0 "
     "partially-sent requests",
     ErrorKind::silent},
    {RD_KAFKA_RESP_ERR__SSL,
     "ssl://127.0.0.1:9093/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify "
     "failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured "
     "or "
     "root CA certificates are installed (install ca-certificates package) (after 5ms in state "
     "SSL_HANDSHAKE)",
     ErrorKind::tls},
    {RD_KAFKA_RESP_ERR__TRANSPORT,
     "ssl://127.0.0.1:9092/bootstrap: SSL handshake failed: Disconnected: connection closed by peer: "
     "connecting to "
     "a PLAINTEXT broker listener? (after 4ms in state SSL_HANDSHAKE)",
     ErrorKind::tls},
    {RD_KAFKA_RESP_ERR__TRANSPORT,
     "ssl://127.0.0.1:9092/bootstrap: Disconnected: SSL connection closed by peer (after 0ms in state "
     "SSL_HANDSHAKE)",
     ErrorKind::tls},
    {RD_KAFKA_RESP_ERR__TRANSPORT,
     "127.0.0.1:9093/bootstrap: Disconnected: requesting ApiVersion: might be caused by incorrect "
     "security.protocol configuration (connecting to a SSL listener?) or broker version is < 0.10 (see "
     "api.version.request) (after 3ms in state APIVERSION_QUERY)",
     ErrorKind::tls},
    {RD_KAFKA_RESP_ERR__TRANSPORT,
     "127.0.0.1:9094/bootstrap: Disconnected: verify that security.protocol is correctly configured, broker "
     "might "
     "require SASL authentication (after 308ms in state UP)",
     ErrorKind::login},
    {RD_KAFKA_RESP_ERR__FAIL,
     "[thrd:127.0.0.1:9093/bootstrap]: 127.0.0.1:9093/bootstrap: Disconnected: connection closed by peer: "
     "receive 0 after POLLIN (after 1ms in state APIVERSION_QUERY, 1 identical error(s) suppressed)",
     ErrorKind::tls},
    {RD_KAFKA_RESP_ERR__FAIL,
     "[thrd:ssl://127.0.0.1:443/bootstrap]: ssl://127.0.0.1:443/bootstrap: Disconnected: connection closed "
     "by peer: receive 0 after POLLIN (after 1ms in state APIVERSION_QUERY)",
     ErrorKind::silent},
    {RD_KAFKA_RESP_ERR__FAIL,
     "[thrd:127.0.0.1:9094/bootstrap]: 127.0.0.1:9094/bootstrap: Disconnected: connection closed by peer: "
     "receive 0 after POLLIN (after 308ms in state UP)",
     ErrorKind::login},
    {RD_KAFKA_RESP_ERR__FAIL,
     "[thrd:127.0.0.1:9092/1]: 127.0.0.1:9092/1: Disconnected: connection closed by peer: receive 0 after "
     "POLLIN (after 480012ms in state UP)",
     ErrorKind::none},
    {RD_KAFKA_RESP_ERR__FAIL,
     "[thrd:sasl_plaintext://127.0.0.1:9094/1]: sasl_plaintext://127.0.0.1:9094/1: Disconnected: connection "
     "closed by peer: receive 0 after POLLIN (after 12ms in state UP)",
     ErrorKind::none},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION,
     "sasl_plaintext://127.0.0.1:9094/bootstrap: SASL authentication error: Authentication failed: Invalid "
     "username or password (after 312ms in state AUTH_REQ)",
     ErrorKind::login},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION,
     "sasl_plaintext://127.0.0.1:9094/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: "
     "Unsupported SASL mechanism: broker's supported mechanisms: PLAIN (after 2ms in state AUTH_HANDSHAKE)",
     ErrorKind::login},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION,
     "sasl_plaintext://127.0.0.1:9095/bootstrap: SASL authentication error: {\"status\":\"invalid_token\"} "
     "(after "
     "305ms in state AUTH_REQ)",
     ErrorKind::login},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION,
     "Failed to acquire SASL OAUTHBEARER token: Failed to retrieve OIDC token from \"http://127.0.0.1:1\"",
     ErrorKind::login},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "Broker: Topic authorization failed", ErrorKind::none},
    {RD_KAFKA_RESP_ERR__FAIL, "topic SASL-events: Broker: Unknown topic or partition", ErrorKind::none},
    {RD_KAFKA_RESP_ERR__FATAL, "Producer fenced by newer instance", ErrorKind::none},
    {RD_KAFKA_RESP_ERR__FAIL, "", ErrorKind::none},
};

TEST(ErrorKind, each_of_librdkafkas_texts_tells_where_to_mend) {
  for (const Case& one : kCases) EXPECT_EQ(kind_of(one.code, one.text), one.kind) << one.text;
}

TEST(ErrorKind, the_words_are_enough_where_the_code_was_left_behind) {
  for (const Case& one : kCases) {
    if (one.code > RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    EXPECT_EQ(kind_of(one.text), one.kind) << one.text;
  }
}

TEST(LastComplaint, that_all_brokers_are_down_hides_no_cause) {
  LastComplaint last;
  EXPECT_TRUE(last.take(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down"));
  EXPECT_TRUE(last.take(RD_KAFKA_RESP_ERR__AUTHENTICATION, "SASL authentication error: no"));
  EXPECT_FALSE(last.take(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down"));
  EXPECT_FALSE(last.take(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "Broker: Topic authorization failed"));
  EXPECT_EQ(last.kind(), ErrorKind::login);
  EXPECT_EQ(last.text(), "SASL authentication error: no");
  EXPECT_TRUE(
      last.take(RD_KAFKA_RESP_ERR__TRANSPORT, "Connect to ipv4#127.0.0.1:1 failed: Connection refused"));
  EXPECT_EQ(last.kind(), ErrorKind::down);
  last.forget();
  EXPECT_EQ(last.kind(), ErrorKind::none);
}

}  // namespace
}  // namespace e2k::kafka
