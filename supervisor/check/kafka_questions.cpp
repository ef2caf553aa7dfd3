#include "supervisor/check/kafka_questions.h"

#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "common/config/property_rules.h"
#include "supervisor/commands/kafka_connection.h"
#include "supervisor/commands/reach.h"
#include "supervisor/ctl/topic_link.h"
#include "supervisor/topic_rule.h"

namespace e2k::supervisor::check {
namespace {

constexpr size_t kAskedOneByOne = 20;
constexpr size_t kAskedTogether = 500;

Seen seen_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
      return Seen::there;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      return Seen::absent;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return Seen::denied;
    default:
      return Seen::unknown;
  }
}

// A connection that only asks: a producer, since a consumer would look for its group's coordinator.
Result<std::unique_ptr<KafkaConnection>> connect(std::map<std::string, std::string> properties) {
  properties.try_emplace("bootstrap.servers", "localhost:9092");
  properties["allow.auto.create.topics"] = "false";  // true by default, of a producer
  return KafkaConnection::open(RD_KAFKA_PRODUCER, properties);
}

// The connection, where its brokers answer.
std::unique_ptr<KafkaConnection> connect_side(const Config& config, const char* side,
                                              const Properties& refinement, const Deadline& deadline,
                                              Facts& facts) {
  BrokerFacts told;
  told.side = side;
  told.servers = shown_servers(config.kafka.common, refinement);
  auto connection = connect(merged_properties(config.kafka.common, refinement));
  if (connection) {
    const auto cluster = reach(**connection, deadline);
    if (cluster) {
      told.brokers = cluster->brokers;
    } else {
      told.trouble = cluster.error().trouble;
      told.words = cluster.error().words;
    }
  } else {
    told.trouble = Trouble::protocol;
    told.words = connection.error().message;
  }
  facts.brokers.push_back(told);
  return told.trouble == Trouble::none ? std::move(*connection) : nullptr;
}

void take(const KafkaResult<TopicConfig>& config, TopicFacts& topic) {
  if (!config) {
    topic.policy_words = config.error().message;
    return;
  }
  topic.cleanup_policy = config->cleanup_policy;
  topic.retention_ms = config->retention_ms;
}

void ask_configs(KafkaConnection& connection, const Deadline& deadline,
                 const std::vector<TopicFacts*>& topics) {
  for (size_t begin = 0; begin < topics.size(); begin += kAskedTogether) {
    const size_t end = std::min(topics.size(), begin + kAskedTogether);
    std::vector<std::string> names;
    for (size_t i = begin; i < end; ++i) names.push_back(topics[i]->name);
    const auto configs = topic_configs(connection.get(), names, deadline.left());
    for (size_t i = begin; i < end; ++i) {
      if (!configs) {
        topics[i]->policy_words = configs.error().message;
      } else if (const auto found = configs->find(topics[i]->name); found != configs->end()) {
        take(found->second, *topics[i]);
      }
    }
  }
}

void ask_write_rights(KafkaConnection& connection, const Deadline& deadline,
                      const std::vector<TopicFacts*>& topics) {
  for (size_t begin = 0; begin < topics.size() && !deadline.passed(); begin += kAskedTogether) {
    std::map<std::string, TopicFacts*> asked;
    std::vector<std::string> names;
    for (size_t i = begin; i < std::min(topics.size(), begin + kAskedTogether); ++i) {
      asked[topics[i]->name] = topics[i];
      names.push_back(topics[i]->name);
    }
    const auto answers = may_write(connection.get(), names, deadline.left());
    if (!answers) return;
    for (const auto& [name, may] : *answers)
      if (const auto topic = asked.find(name); topic != asked.end()) topic->second->may_write = !may || *may;
  }
}

// The names of the output topics that the command topic's records amount to, as commanded.
std::set<std::string> read_commands(const Config& config, const Deadline& deadline,
                                    CommandTopicFacts& facts) {
  auto settings = ctl::settings_of(config);
  settings.consumer.try_emplace("bootstrap.servers", "localhost:9092");
  settings.servers = shown_servers(config.kafka.common, config.kafka.consumer);
  const auto records = ctl::read_topic(settings, deadline.left(), false);
  if (!records) {
    facts.read_trouble =
        records.error().exit == ctl::Exit::permission ? Trouble::not_allowed : Trouble::unreachable;
    facts.read_words = records.error().message;
    return {};
  }
  CommandState state(make_topic_rule(config.output.allow, config.output.topic_prefix, config.commands.topic),
                     static_cast<size_t>(config.commands.max_channels));
  std::vector<Change> changes;
  for (const ctl::TopicRecord& record : *records) {
    changes.clear();
    state.apply(record.partition, record.offset, 0, record.key, record.value, changes);
  }
  facts.entries = state.size();
  facts.rejected = state.rejected_total();
  std::set<std::string> topics;
  state.visit([&](const EntryRef& entry) { topics.emplace(entry.topic); });
  return topics;
}

std::set<std::string> ask_command_topic(KafkaConnection& connection, const Config& config,
                                        const Deadline& deadline, CommandTopicFacts& facts) {
  const auto partitions = TopicAdmin(connection.get(), config.commands.topic, deadline.left()).partitions();
  if (!partitions) {
    facts.topic.seen = seen_of(partitions.error().code);
    facts.topic.words = partitions.error().message;
    if (facts.topic.seen != Seen::there) return {};
  } else {
    facts.topic.seen = Seen::there;
    facts.partitions = partitions->size();
  }
  ask_configs(connection, deadline, {&facts.topic});
  return read_commands(config, deadline, facts);
}

void ask_output_topics(KafkaConnection& connection, const Deadline& deadline,
                       std::vector<TopicFacts>& topics) {
  if (topics.empty()) return;
  const auto cluster = cluster_of(connection.get(), true, deadline.left());
  std::vector<TopicFacts*> there, unlisted;
  for (TopicFacts& topic : topics) {
    topic.seen = !cluster ? Seen::unknown : cluster->topics.contains(topic.name) ? Seen::there : Seen::absent;
    if (!cluster) topic.words = cluster.error().message;
    if (topic.seen == Seen::there) there.push_back(&topic);
    if (topic.seen == Seen::absent) unlisted.push_back(&topic);
  }
  // A list leaves out what this user may not see; only who asks for a topic by name is told so. All that are
  // missing for one reason are mostly missing for the same.
  for (size_t i = 0; i < unlisted.size() && i < kAskedOneByOne && !deadline.passed(); ++i) {
    const auto asked = TopicAdmin(connection.get(), unlisted[i]->name, deadline.left()).partitions();
    if (asked) continue;
    if (seen_of(asked.error().code) == Seen::denied) unlisted[i]->seen = Seen::denied;
    unlisted[i]->words = asked.error().message;
  }
  ask_configs(connection, deadline, there);
  ask_write_rights(connection, deadline, there);
}

}  // namespace

void ask_kafka(const Config& config, const Deadline& deadline, Facts& facts) {
  const Config::Kafka& kafka = config.kafka;
  const bool one_side =
      merged_properties(kafka.common, kafka.consumer) == merged_properties(kafka.common, kafka.producer);
  auto consumer = connect_side(config, one_side ? "" : "consumer", kafka.consumer, deadline, facts);
  std::unique_ptr<KafkaConnection> producer;
  if (!one_side) producer = connect_side(config, "producer", kafka.producer, deadline, facts);
  if (!consumer || !(one_side || producer)) return;
  const auto topics = ask_command_topic(*consumer, config, deadline, facts.commands);
  for (const std::string& topic : topics) {
    facts.outputs.emplace_back();
    facts.outputs.back().name = config.output.topic_prefix + topic;
  }
  ask_output_topics(one_side ? *consumer : *producer, deadline, facts.outputs);
}

}  // namespace e2k::supervisor::check
