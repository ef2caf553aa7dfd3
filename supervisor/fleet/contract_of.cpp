#include "supervisor/fleet/contract_of.h"

#include <charconv>
#include <map>

#include <algorithm>

#include "common/config/property_rules.h"
#include "supervisor/settings/spool_parts.h"

namespace e2k::supervisor {
namespace {

double conn_tmo_s(const std::map<std::string, std::string>& epics) {
  constexpr double kOfLibca = 30;
  const auto set = epics.find("EPICS_CA_CONN_TMO");
  if (set == epics.end()) return kOfLibca;
  double seconds = 0;
  const char* const end = set->second.data() + set->second.size();
  const auto read = std::from_chars(set->second.data(), end, seconds);
  return read.ec == std::errc{} && seconds > 0 ? seconds : kOfLibca;
}

std::map<std::string, std::string> plain(const Properties& properties) {
  std::map<std::string, std::string> out;
  for (const auto& [name, setting] : properties) out[name] = setting.value;
  return out;
}

}  // namespace

std::string ledger_folder(const Config& config) {
  return config.runtime_directory + "/workers";
}
std::string ledger_path(const Config& config, Slot slot) {
  return ledger_folder(config) + "/" + std::to_string(slot.value) + ".ledger";
}
std::string names_copy_path(const Config& config, Slot slot) {
  return ledger_folder(config) + "/" + std::to_string(slot.value) + ".names";
}
std::string names_path(const Config& config, Slot slot) {
  return config.spool.directory + "/" + std::to_string(slot.value) + ".names";
}
std::string spool_path(const Config& config, Slot slot, Generation generation) {
  return config.spool.directory + "/" + std::to_string(slot.value) + "." + std::to_string(generation.value);
}

int64_t spool_share(const Config& config) {
  return part_of(config.spool, config.workers.count);
}

LaunchContract contract_of(const Config& config, Slot slot, Generation generation, std::string token,
                           std::string endpoint, int32_t supervisor_pid) {
  LaunchContract c;
  c.slot = slot;
  c.generation = generation;
  c.token = std::move(token);
  c.endpoint = std::move(endpoint);
  c.supervisor_pid = supervisor_pid;
  c.instance = config.instance;
  c.log_level = config.log_level;
  c.ledger_path = ledger_path(config, slot);
  c.spool_path = spool_path(config, slot, generation);
  c.spool_max_bytes = spool_share(config);
  c.spool_keep_free_bytes = config.spool.keep_free_bytes;
  c.max_event_bytes = config.spool.max_event_bytes;
  c.when_full = config.spool.when_full;
  c.spool_sync_interval_ms = config.spool.sync_interval_ms;
  c.producer = plain(config.kafka.common);
  for (auto& [name, value] : plain(config.kafka.producer)) c.producer[name] = value;
  for (const Properties* side : {&config.kafka.common, &config.kafka.producer})
    config::name_login_files(*side, c.producer);
  std::string& client = c.producer["client.id"];
  if (client.empty()) client = "epics2kafka";
  client += "-" + std::to_string(slot.value);
  c.epics = config.epics;
  c.timestamp = config.output.timestamp;
  c.max_future_s = config.output.max_future_s;
  c.max_past_s = config.output.max_past_s;
  c.min_interval_ms = config.output.min_interval_ms;
  c.never_connected_after_s = config.output.never_connected_after_s;
  c.topic_prefix = config.output.topic_prefix;
  const auto& headers = config.output.headers;
  c.stamp_header = std::find(headers.begin(), headers.end(), kStampHeader) != headers.end();
  c.connection_events = config.output.connection_events;
  c.name_encoding = config.output.name_encoding;
  c.value_converter = config.value.converter;
  c.value_schema = config.value.schema;
  c.value_options = plain(config.value.options);
  c.key_converter = config.key.converter;
  c.key_options = plain(config.key.options);
  c.lease_s = config.workers.lease_s;
  c.drain_timeout_ms = config.workers.drain_timeout_ms;
  return c;
}

SlotSettings slot_settings_of(const Config& config) {
  SlotSettings settings;
  settings.max_restart_delay_ms = config.workers.max_restart_delay_ms;
  settings.drain_timeout_ms = config.workers.drain_timeout_ms;
  settings.ca_silence_limit_ms = ca_silence_limit_ms(conn_tmo_s(config.epics), settings.silence_limit_ms);
  return settings;
}

}  // namespace e2k::supervisor
