#include "common/kafka/error_kind.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace e2k::kafka {
namespace {

struct Words {
  std::string_view text;
  ErrorKind kind;
};

// The first that the text holds decides, so that what is more special stands before what is less.
constexpr auto kWords = std::to_array<Words>({
    // A listener of another protocol: only who configures knows which side is wrong.
    {"connecting to a PLAINTEXT broker listener", ErrorKind::tls},
    {"connecting to a SSL listener", ErrorKind::tls},
    {"broker might require SASL authentication", ErrorKind::login},
    {"SSL handshake failed", ErrorKind::tls},
    {"verify broker certificate", ErrorKind::tls},
    {"did not provide a certificate", ErrorKind::tls},
    {"certificate verify failed", ErrorKind::tls},
    {"SSL routines", ErrorKind::tls},
    {"Local: SSL error", ErrorKind::tls},
    {"SASL", ErrorKind::login},
    {"OAUTHBEARER", ErrorKind::login},
    {"Kerberos", ErrorKind::login},
    {"Local: Authentication failure", ErrorKind::login},
    {"Authentication failed", ErrorKind::login},
    {"Connection setup timed out in state CONNECT", ErrorKind::down},
    {"Connection setup timed out", ErrorKind::silent},
    {"ApiVersionRequest failed: Local: Timed out", ErrorKind::silent},
    {"timed out: disconnect", ErrorKind::silent},
    {"in-flight", ErrorKind::silent},
    {"Failed to resolve", ErrorKind::down},
    {"Host resolution failure", ErrorKind::down},
    {"Connect to ", ErrorKind::down},
    {"brokers are down", ErrorKind::down},
    {"No brokers configured", ErrorKind::down},
    {"Broker transport failure", ErrorKind::down},
});

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A connection closed in the moment in which it should have been of use names no cause, and the moment tells
// one: who wants TLS closes at Kafka's first question, who wants a login at the one after that. "…/bootstrap:
// Disconnected: connection closed by peer (after 3ms in state APIVERSION_QUERY)". Who closes during the
// handshake speaks no TLS; librdkafka says so itself, but where the end is there before its first look.
ErrorKind kind_of_disconnect(std::string_view text) {
  constexpr std::string_view kAfter = "(after ";
  constexpr int64_t kAtOnceMs = 2000;
  if (!holds(text, "Disconnected")) return ErrorKind::none;
  if (is_closed_in(kTlsHandshake, text)) return ErrorKind::tls;
  const bool has_tls = holds(text, "ssl://");
  if (is_closed_in(kFirstQuestion, text)) return has_tls ? ErrorKind::silent : ErrorKind::tls;
  const size_t after = text.find(kAfter);
  if (!holds(text, "in state UP") || holds(text, "sasl_") || after == std::string_view::npos)
    return ErrorKind::none;
  int64_t ms = kAtOnceMs;
  std::from_chars(text.data() + after + kAfter.size(), text.data() + text.size(), ms);
  return ms < kAtOnceMs ? ErrorKind::login : ErrorKind::none;
}

}  // namespace

bool is_closed_in(std::string_view state, std::string_view text) {
  return holds(text, "Disconnected") && holds(text, "in state " + std::string(state));
}

ErrorKind kind_of(rd_kafka_resp_err_t code, std::string_view text) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
      return ErrorKind::login;
    case RD_KAFKA_RESP_ERR__SSL:
      return ErrorKind::tls;
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return ErrorKind::down;
    default:  // librdkafka's numbers are no enum
      break;
  }
  // The broker's own codes are about topics and requests: it was reached, and a topic's name may hold
  // anything.
  if (code > RD_KAFKA_RESP_ERR_NO_ERROR || text.starts_with("topic ")) return ErrorKind::none;
  const auto* found = std::find_if(kWords.begin(), kWords.end(),
                                   [text](const Words& words) { return holds(text, words.text); });
  return found == kWords.end() ? kind_of_disconnect(text) : found->kind;
}

bool LastComplaint::take(rd_kafka_resp_err_t code, std::string_view text) {
  const ErrorKind kind = kind_of(code, text);
  if (kind == ErrorKind::none) return false;
  const bool names_no_cause =
      code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || text.find("brokers are down") != std::string_view::npos;
  if (names_no_cause && kind_ != ErrorKind::none) return false;
  kind_ = kind;
  text_ = text;
  return true;
}

}  // namespace e2k::kafka
