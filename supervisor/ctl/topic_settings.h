// Shell. Which command topic on which brokers, with which properties: from the arguments, the environment and
// the configuration.
//
// Brokers: --bootstrap-server, bootstrap.servers in --command-config, BOOTSTRAP_SERVERS, BOOTSTRAP_SERVER,
// the configuration, a service that runs here, localhost:9092. Other properties: --command-config over the
// configuration's [kafka]. A configuration that can't be used is an error only where the brokers are not
// named otherwise.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "supervisor/ctl/client.h"

namespace e2k::supervisor::ctl {

struct TopicArguments {
  std::string command_topic, bootstrap_server, command_config;  // "" where not given
  std::string configuration;  // the service's file; "": the instance's usual one
  // What a service that runs here says of itself, where nobody says otherwise; "" where none does.
  std::string running_servers, running_topic;
  std::string instance;
};

struct TopicSettings {
  std::string topic = "epics-channels";
  std::string servers;
  bool create_topic = true;
  int replication_factor = -1;
  std::string topic_prefix;                               // before the names of output topics
  std::map<std::string, std::string> value_options;       // [value.options]: where the registry is
  std::map<std::string, std::string> consumer, producer;  // as librdkafka takes them
  std::string note;  // why the configuration was not used, for stderr; "" when it was or there is none
};

// As the configuration has them; `servers` is left to the caller.
TopicSettings settings_of(const Config& config);

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

Outcome<TopicSettings> topic_settings(const TopicArguments& arguments, const Environment& environment);

// Lines `name=value` as Kafka's own tools take them; `#` and `!` begin comments.
Outcome<std::map<std::string, std::string>> read_properties(const std::string& path);

}  // namespace e2k::supervisor::ctl
