#include "supervisor/ctl/topic_settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/config/directories.h"
#include "common/config/load.h"
#include "common/config/property_rules.h"
#include "common/config/value_rules.h"
#include "common/split.h"

namespace e2k::supervisor::ctl {
namespace {

constexpr const char* kServers = "bootstrap.servers";

tl::unexpected<Failure> failure(Exit exit, std::string message) {
  return tl::unexpected(Failure{exit, std::move(message)});
}

// Nothing: there is no configuration, or it is used.
std::optional<Failure> read_configuration(const TopicArguments& arguments, const Environment& environment,
                                          TopicSettings& settings) {
  LoadOptions load;
  load.path = arguments.configuration.empty() ? config::default_config_path(arguments.instance)
                                              : arguments.configuration;
  load.instance = arguments.instance;
  load.environment = environment;
  if (arguments.configuration.empty() && arguments.instance.empty() && ::access(load.path.c_str(), F_OK) != 0)
    return std::nullopt;
  if (::access(load.path.c_str(), R_OK) != 0)
    return Failure{errno == EACCES ? Exit::permission : Exit::failed,
                   fmt::format("{}: {}", load.path, std::strerror(errno))};
  const auto loaded = load_config(load);
  if (!loaded)
    return Failure{Exit::failed, fmt::format("{} (epics2kafkactl check {} tells all)",
                                             loaded.error().messages.front(), load.path)};
  settings = settings_of(*loaded);
  return std::nullopt;
}

}  // namespace

TopicSettings settings_of(const Config& config) {
  TopicSettings settings;
  settings.topic = config.commands.topic;
  settings.create_topic = config.commands.create_topic;
  settings.replication_factor = config.commands.replication_factor;
  settings.topic_prefix = config.output.topic_prefix;
  settings.consumer = merged_properties(config.kafka.common, config.kafka.consumer);
  settings.producer = merged_properties(config.kafka.common, config.kafka.producer);
  for (const auto& [name, value] : config.value.options) settings.value_options[name] = value.value;
  return settings;
}

Outcome<std::map<std::string, std::string>> read_properties(const std::string& path) {
  std::ifstream in(path);
  if (!in)
    return failure(errno == EACCES ? Exit::permission : Exit::usage,
                   fmt::format("--command-config {}: {}", path, std::strerror(errno)));
  std::map<std::string, std::string> properties;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    line = std::string(trimmed(line));
    if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    const size_t at = line.find('=');
    if (at == std::string::npos || at == 0)
      return failure(Exit::usage, fmt::format("{}:{}: no property; accepted: name=value", path, number));
    const std::string name(trimmed(std::string_view(line).substr(0, at)));
    const std::string known(config::canonical_property(name));
    // A file that other tools share may hold what belongs to this program; Java's own names would change
    // nothing.
    const auto refused = config::refused_kafka_property(known);
    if (refused && refused->find("Java") != std::string::npos)
      return failure(Exit::usage, fmt::format("{}:{}: {} {}", path, number, name, *refused));
    if (!refused) properties[known] = std::string(trimmed(std::string_view(line).substr(at + 1)));
  }
  return properties;
}

Outcome<TopicSettings> topic_settings(const TopicArguments& arguments, const Environment& environment) {
  TopicSettings settings;
  const auto unusable = read_configuration(arguments, environment, settings);
  std::map<std::string, std::string> given;
  if (!arguments.command_config.empty()) {
    auto read = read_properties(arguments.command_config);
    if (!read) return tl::unexpected(read.error());
    given = std::move(*read);
  }
  std::string servers = arguments.bootstrap_server;
  if (servers.empty() && given.contains(kServers)) servers = given[kServers];
  for (const char* name : {"BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVER"})
    if (servers.empty()) servers = environment(name).value_or("");
  if (unusable) {
    const bool is_known = !servers.empty() || !arguments.running_servers.empty();
    if (!is_known || !arguments.configuration.empty()) return tl::unexpected(*unusable);
    settings.note = "the configuration is not used: " + unusable->message;
  }
  for (auto* side : {&settings.consumer, &settings.producer}) {
    for (const auto& [name, value] : given) (*side)[name] = value;
    if (!servers.empty()) (*side)[kServers] = servers;
    if (!side->contains(kServers))
      (*side)[kServers] = arguments.running_servers.empty() ? "localhost:9092" : arguments.running_servers;
  }
  settings.servers = settings.producer[kServers];
  if (servers.empty() && settings.servers == arguments.running_servers && !arguments.running_topic.empty())
    settings.topic = arguments.running_topic;
  if (!arguments.command_topic.empty()) settings.topic = arguments.command_topic;
  if (const auto problem = config::topic_problem(settings.topic))
    return failure(Exit::usage, fmt::format("--command-topic {} {}", settings.topic, *problem));
  return settings;
}

}  // namespace e2k::supervisor::ctl
