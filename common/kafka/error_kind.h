// Pure. What kind of trouble with brokers librdkafka's words tell of.
//
// The kinds are those that an operator mends in different places. librdkafka's codes alone don't tell them
// apart: a broker that is not there, one that never answers and a listener of another protocol all are
// __TRANSPORT. A text without a code (a log line, what a worker passes on) is judged by its words.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>
#include <string_view>

namespace e2k::kafka {

enum class ErrorKind {
  none,    // says nothing about how the brokers are reached
  down,    // nobody listens there, or the name does not resolve
  silent,  // who listens takes connections and does not answer, or closes them
  tls,     // certificates, or TLS spoken on one side only
  login,   // user, password, token or mechanism, or a login asked for on one side only
};

ErrorKind kind_of(rd_kafka_resp_err_t code, std::string_view text);
// RD_KAFKA_RESP_ERR__FAIL for a text whose code is not known.
inline ErrorKind kind_of(std::string_view text) {
  return kind_of(RD_KAFKA_RESP_ERR__FAIL, text);
}
// librdkafka's names for the states in which who listens closes the connection if it speaks another protocol.
inline constexpr std::string_view kFirstQuestion = "APIVERSION_QUERY", kTlsHandshake = "SSL_HANDSHAKE";
// Who listens closed the connection in that state.
bool is_closed_in(std::string_view state, std::string_view text);

struct Trouble {
  ErrorKind kind = ErrorKind::none;
  std::string words;  // librdkafka's, "" where it said nothing
};

// The complaint that is worth showing among those that came: the last one that names a cause. "All brokers
// are down" follows each of them and names none.
class LastComplaint {
public:
  // Whether it was taken.
  bool take(rd_kafka_resp_err_t code, std::string_view text);
  void forget() { *this = {}; }
  ErrorKind kind() const { return kind_; }
  const std::string& text() const { return text_; }

private:
  ErrorKind kind_ = ErrorKind::none;
  std::string text_;
};

}  // namespace e2k::kafka
