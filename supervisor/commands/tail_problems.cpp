#include "supervisor/commands/tail_problems.h"

#include <fmt/format.h>

#include "common/text.h"

namespace e2k::supervisor {

std::string TailProblems::missing(const TopicLook& found, bool was_there) const {
  if (!is_missing(found.error.code) || found.created) return "";
  std::string why = fmt::format("the command topic {} does not exist", topic_);
  if (found.create_error.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    why += fmt::format(
        " and could not be made ({}); make it: kafka-topics.sh --bootstrap-server {} --create --topic "
        "{} --partitions 1 --config cleanup.policy=compact",
        found.create_error.message, servers_, topic_);
  } else if (was_there) {
    why += " any more; nothing is removed. Make it again and import what it held (epics2kafkactl import)";
  } else {
    why += fmt::format(
        "; make it (kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions 1 --config "
        "cleanup.policy=compact) or set commands.create_topic = true",
        servers_, topic_);
  }
  return why;
}

std::string TailProblems::not_authorised(const TopicLook& found, const FetchWatch& fetching) const {
  if (is_refused(found.error.code))
    return fmt::format(
        "Kafka refuses reading and describing the command topic {}; grant both to this client's user",
        topic_);
  const std::string words = fetching.refusal();
  if (words.empty()) return "";
  return fmt::format(
      "Kafka refuses reading the command topic {} ({}): new commands are not seen; grant Read to this "
      "client's "
      "user: kafka-acls.sh --bootstrap-server {} --add --allow-principal User:NAME --operation Read --topic "
      "{}",
      topic_, words, servers_, topic_);
}

std::string TailProblems::stalled(const FetchWatch& fetching, MonotonicNs now) const {
  std::string text;
  for (const FetchWatch::Stalled& one : fetching.stalled(now)) {
    text += text.empty() ? fmt::format("the command topic {} can't be read: ", topic_) : ", ";
    text += fmt::format("partition {} {} since {}", one.partition,
                        one.has_leader ? "brings nothing of what it holds" : "has no leader",
                        iso8601_utc(one.since.value));
  }
  if (text.empty()) return "";
  return text + fmt::format(
                    ". Commands in there are not seen; start the brokers that hold it (kafka-topics.sh "
                    "--bootstrap-server {} --describe --topic {} names them)",
                    servers_, topic_);
}

std::string TailProblems::not_compacted(const TopicLook& found) const {
  if (!found.cleanup_policy) return "";
  const std::string& policy = *found.cleanup_policy;
  const bool compacted =
      policy.find("compact") != std::string::npos && policy.find("delete") == std::string::npos;
  if (compacted) return "";
  return fmt::format(
      "the command topic {} has cleanup.policy={}, so that commands will be deleted some day; repair it: "
      "kafka-configs.sh --bootstrap-server {} --alter --topic {} --add-config cleanup.policy=compact",
      topic_, policy, servers_, topic_);
}

std::string TailProblems::settings_hidden(const TopicLook& found) const {
  if (!is_refused(found.policy_error.code)) return "";
  return fmt::format(
      "it can't be seen whether the command topic {} is compacted ({}); grant DescribeConfigs on it to this "
      "client's user, or look: kafka-configs.sh --bootstrap-server {} --describe --topic {}",
      topic_, found.policy_error.message, servers_, topic_);
}

}  // namespace e2k::supervisor
