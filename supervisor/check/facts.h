// Pure. What was seen of everything that a configuration names, before anybody judges it.
//
// Filled by the questions beside it, read by findings.h. Words are foreign text (librdkafka's, a registry's),
// unescaped. Topics have their full names, with output.topic_prefix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/commands/server_trouble.h"

namespace e2k::supervisor::check {

using supervisor::Trouble;

// One side of the brokers' clients: [kafka] refined by [kafka.consumer] or [kafka.producer].
struct BrokerFacts {
  std::string side;  // "consumer", "producer"; "" where both are the same
  std::string servers;
  size_t brokers = 0;
  Trouble trouble = Trouble::none;
  std::string words;
};

enum class Seen { unknown, there, absent, denied };

struct TopicFacts {
  std::string name;
  Seen seen = Seen::unknown;
  std::string words;           // why it is not there
  std::string cleanup_policy;  // "": can't be seen
  std::optional<int64_t> retention_ms;
  std::string policy_words;  // why the two can't be seen
  bool may_write = true;     // false: it is known that this user may not
};

struct CommandTopicFacts {
  TopicFacts topic;
  bool is_made_at_start = true;  // commands.create_topic
  size_t partitions = 0;
  Trouble read_trouble = Trouble::none;
  std::string read_words;
  size_t entries = 0;
  size_t rejected = 0;  // records that are no valid commands
};

struct StampAge {
  double age_s = 0;  // arrival minus stamp of a channel's last event
  std::string channel;
};

struct StampFacts {
  std::map<std::string, StampAge> oldest;  // by topic
  std::string words;                       // why no age, or not every one, is known; ""
  bool no_supervisor = false;              // … because none runs
};

struct RegistryFacts {
  std::string part;  // "value" or "key"; both with the same registry are asked twice
  std::string url;
  Trouble trouble = Trouble::none;
  long status = 0;  // of HTTP; 0: no answer
  std::string words;
};

struct Facts {
  std::vector<BrokerFacts> brokers;
  CommandTopicFacts commands;
  std::vector<TopicFacts> outputs;  // those that commands name
  StampFacts stamps;
  std::vector<RegistryFacts> registries;
  bool iocs_stamps = true;  // output.timestamp
  int64_t max_past_s = 0;   // output.max_past_s
};

}  // namespace e2k::supervisor::check
