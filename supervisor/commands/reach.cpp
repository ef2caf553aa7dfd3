#include "supervisor/commands/reach.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "common/kafka/error_kind.h"

namespace e2k::supervisor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstTurn{250}, kLongestTurn{4000};
constexpr milliseconds kNextAddress{1500}, kOtherBrokers{1000};

bool is_refusal(Trouble trouble) {
  return trouble == Trouble::login || trouble == Trouble::tls || trouble == Trouble::protocol ||
         trouble == Trouble::not_allowed;
}

// What stands in the way as far as it is known. Who closes a connection without a word is no error of
// librdkafka's own: the log alone tells of it.
KafkaError complaint_of(KafkaConnection& connection) {
  if (connection.first_error().code != RD_KAFKA_RESP_ERR_NO_ERROR) return connection.first_error();
  const std::string failure = connection.all_down() ? connection.last_failure() : "";
  if (!failure.empty()) return {RD_KAFKA_RESP_ERR__TRANSPORT, failure};
  return {};
}

// How long it is waited for another answer once that has been told.
std::optional<milliseconds> patience_for(KafkaConnection& connection) {
  const bool is_certain = connection.first_error().code != RD_KAFKA_RESP_ERR_NO_ERROR;
  if (is_certain && is_refusal(trouble_of(connection.first_error())))
    return connection.all_down() ? milliseconds(0) : kOtherBrokers;
  if (connection.all_down()) return kNextAddress;
  return std::nullopt;
}

}  // namespace

Trouble trouble_of(const KafkaError& error) {
  const auto says = [&](std::string_view words) { return error.message.find(words) != std::string::npos; };
  switch (error.code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return Trouble::none;
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return Trouble::unresolved;
    case RD_KAFKA_RESP_ERR__SSL:
      return says("PLAINTEXT broker") ? Trouble::protocol : Trouble::tls;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
      return Trouble::login;
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return Trouble::not_allowed;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
      return Trouble::silent;
    default:
      break;
  }
  // Neither Kafka's first question nor a handshake was answered: a listener with TLS, without it, or of
  // something else.
  if (says("security.protocol") || says("PLAINTEXT broker") || says("SSL listener") ||
      kafka::is_closed_in(kafka::kFirstQuestion, error.message) ||
      kafka::is_closed_in(kafka::kTlsHandshake, error.message))
    return Trouble::protocol;
  // librdkafka tells of one trouble under several codes.
  switch (kafka::kind_of(error.code, error.message)) {
    case kafka::ErrorKind::tls:
      return Trouble::tls;
    case kafka::ErrorKind::login:
      return Trouble::login;
    case kafka::ErrorKind::silent:
      return Trouble::silent;
    case kafka::ErrorKind::none:
    case kafka::ErrorKind::down:
      break;
  }
  return Trouble::unreachable;
}

tl::expected<Cluster, NotReached> reach(KafkaConnection& connection, const Deadline& deadline) {
  std::optional<Deadline> patience;
  KafkaError last{RD_KAFKA_RESP_ERR__TIMED_OUT, ""};
  for (milliseconds turn = kFirstTurn; !deadline.passed() && !(patience && patience->passed());
       turn = std::min(2 * turn, kLongestTurn)) {
    milliseconds longest = std::min(turn, deadline.left());
    if (patience) longest = std::min(longest, std::max(kFirstTurn, patience->left()));
    auto cluster = cluster_of(connection.get(), false, longest);
    if (cluster) return std::move(*cluster);
    last = std::move(cluster.error());
    while (rd_kafka_poll(connection.get(), 10) > 0) {
    }
    if (const auto given = patience_for(connection)) {
      const Deadline until(*given);
      if (!patience || until.end < patience->end) patience = until;
    }
  }
  const KafkaError complaint = complaint_of(connection);
  if (complaint.code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return tl::unexpected(NotReached{trouble_of(complaint), complaint.message});
  const std::string words = connection.last_words();
  return tl::unexpected(NotReached{Trouble::silent, words.empty() ? last.message : words});
}

}  // namespace e2k::supervisor
