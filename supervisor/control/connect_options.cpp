#include "supervisor/control/connect_options.h"

#include <array>

#include "common/config/converters.h"

namespace e2k::supervisor {
namespace {

constexpr const char* kHidden = "***";

struct EpicsCounterpart {
  const char* option;
  const char* variable;
  const char* key;  // of [epics]
};
constexpr auto kEpics = std::to_array<EpicsCounterpart>({
    {"monitor.addr.list", "EPICS_CA_ADDR_LIST", "epics.addr_list"},
    {"monitor.auto.addr.list", "EPICS_CA_AUTO_ADDR_LIST", "epics.auto_addr_list"},
    {"monitor.connection.timeout", "EPICS_CA_CONN_TMO", "epics.conn_tmo"},
    {"monitor.repeater.port", "EPICS_CA_REPEATER_PORT", "epics.repeater_port"},
    {"monitor.max.array.bytes", "EPICS_CA_MAX_ARRAY_BYTES", "epics.max_array_bytes"},
});

// As Connect spells yes and no.
std::string spelt(const std::string& value) {
  return value == "YES" ? "true" : value == "NO" ? "false" : value;
}

void add_converter(ConnectOptions& options, const std::string& name, const std::string& converter,
                   const Properties& own) {
  options[name] = config::connect_class_of(converter);
  if (converter.starts_with("plugin:")) return;
  for (const auto& [option, value] : own) options[name + "." + option] = value.secret ? kHidden : value.value;
  // Without a word Connect's JsonConverter writes the envelope, and `json` does not.
  if (converter == "json" || converter == "json-schema-envelope")
    options[name + ".schemas.enable"] =
        config::option_is_true(own, "schemas.enable", converter == "json-schema-envelope") ? "true" : "false";
}

}  // namespace

ConnectOptions connect_options(const Config& config) {
  ConnectOptions options;
  const auto put = [&](const char* option, const char* key, std::string value) {
    options[option] = config.hidden.contains(key) ? kHidden : std::move(value);
  };
  put("name", "control.connector_name", config.control.connector_name);
  options["connector.class"] = kConnectorClass;
  options["tasks.max"] = std::to_string(config.workers.count);
  put("command.topic", "commands.topic", config.commands.topic);
  put("command.group", "commands.group", config.commands.group);
  if (const auto servers = config.kafka.common.find("bootstrap.servers");
      servers != config.kafka.common.end())
    options["command.bootstrap.servers"] = servers->second.secret ? kHidden : servers->second.value;
  if (config.output.min_interval_ms > 0)
    options["monitor.poll.millis"] = std::to_string(config.output.min_interval_ms);
  for (const EpicsCounterpart& one : kEpics)
    if (const auto value = config.epics.find(one.variable); value != config.epics.end())
      put(one.option, one.key, spelt(value->second));
  add_converter(options, "key.converter", config.key.converter, config.key.options);
  add_converter(options, "value.converter", config.value.converter, config.value.options);
  return options;
}

}  // namespace e2k::supervisor
