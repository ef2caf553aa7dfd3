// Pure. The reasons of the status: a code each, and who alone begins and ends it.
//
// A code's name is on the wire (/status, metrics, the log) and in the documentation; it is never given to
// another cause.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace e2k::supervisor {

// What hurts most comes first, here and wherever they are listed.
enum class ReasonCode {
  events_lost,
  spool_full,
  spool_gone,
  log_damaged,
  records_refused,
  spool_directory,
  worker_failed,
  worker_failing,
  worker_crashing,
  limits,
  kafka_login_refused,
  kafka_tls,
  brokers_down,
  brokers_silent,
  spool_filling,
  topic_blocked,
  schema_registry,
  channel_quarantined,
  command_topic_missing,
  command_topic_not_authorised,
  command_topic_stalled,
  command_topic_shrank,
  command_topic_renewed,
  snapshot_only,
  address_unresolved,
  nothing_connected,
  ioc_lost,
  ioc_hung,
  ioc_refuses,
  channels_lost,
  channels_never_connected,
  channel_duplicated,
  ioc_clock,
  commands_rejected,
  command_topic_partitions,
  command_topic_not_compacted,
  state_directory,
  runtime_directory,
};

enum class ReasonOwner {
  tail,        // commands/tail: what it met at the command topic
  replay,      // commands/replay: what the topic that was read means
  commands,    // commands/command_state: what stands in the topic
  brokers,     // commands/broker_problems: both sides' connections
  state,       // status/directory_problems, and what is kept in the state directory
  fleet,       // status/worker_problems: slots, and what workers say
  quarantine,  // quarantine/
  iocs,        // status/ioc_problems
  search,      // status/search_problems
  spools,      // status/spool_problems
};

struct ReasonKind {
  ReasonCode code;
  const char* name;
  ReasonOwner owner;
  const char* more;  // the command that shows more of it first
};

inline constexpr char kAsksAll[] = "epics2kafka-supervisor --config FILE --check --connect";

inline constexpr auto kReasonKinds = std::to_array<ReasonKind>({
    {ReasonCode::events_lost, "EVENTS_LOST", ReasonOwner::spools, "epics2kafkactl channel NAME"},
    {ReasonCode::spool_full, "SPOOL_FULL", ReasonOwner::spools, "epics2kafkactl workers"},
    {ReasonCode::spool_gone, "SPOOL_GONE", ReasonOwner::spools, "epics2kafkactl channels"},
    {ReasonCode::log_damaged, "LOG_DAMAGED", ReasonOwner::spools, "epics2kafkactl channels"},
    {ReasonCode::records_refused, "RECORDS_REFUSED", ReasonOwner::spools, "epics2kafkactl channel NAME"},
    {ReasonCode::spool_directory, "SPOOL_DIRECTORY", ReasonOwner::state, "epics2kafkactl doctor"},
    {ReasonCode::worker_failed, "WORKER_FAILED", ReasonOwner::fleet, "epics2kafkactl workers"},
    {ReasonCode::worker_failing, "WORKER_FAILING", ReasonOwner::fleet, "epics2kafkactl workers"},
    {ReasonCode::worker_crashing, "WORKER_CRASHING", ReasonOwner::fleet, "epics2kafkactl workers"},
    {ReasonCode::limits, "LIMITS", ReasonOwner::fleet, "epics2kafkactl workers"},
    {ReasonCode::kafka_login_refused, "KAFKA_LOGIN_REFUSED", ReasonOwner::brokers, kAsksAll},
    {ReasonCode::kafka_tls, "KAFKA_TLS", ReasonOwner::brokers, kAsksAll},
    {ReasonCode::brokers_down, "BROKERS_DOWN", ReasonOwner::brokers, kAsksAll},
    {ReasonCode::brokers_silent, "BROKERS_SILENT", ReasonOwner::brokers, kAsksAll},
    {ReasonCode::spool_filling, "SPOOL_FILLING", ReasonOwner::spools, "epics2kafkactl workers"},
    {ReasonCode::topic_blocked, "TOPIC_BLOCKED", ReasonOwner::spools, "epics2kafkactl topics"},
    {ReasonCode::schema_registry, "SCHEMA_REGISTRY", ReasonOwner::fleet, kAsksAll},
    {ReasonCode::channel_quarantined, "CHANNEL_QUARANTINED", ReasonOwner::quarantine,
     "epics2kafkactl channels --state QUARANTINED"},
    {ReasonCode::command_topic_missing, "COMMAND_TOPIC_MISSING", ReasonOwner::tail, "epics2kafkactl list"},
    {ReasonCode::command_topic_not_authorised, "COMMAND_TOPIC_NOT_AUTHORISED", ReasonOwner::tail, kAsksAll},
    {ReasonCode::command_topic_stalled, "COMMAND_TOPIC_STALLED", ReasonOwner::tail, "epics2kafkactl status"},
    {ReasonCode::command_topic_shrank, "COMMAND_TOPIC_SHRANK", ReasonOwner::replay, "epics2kafkactl list"},
    {ReasonCode::command_topic_renewed, "COMMAND_TOPIC_RENEWED", ReasonOwner::replay, "epics2kafkactl list"},
    {ReasonCode::snapshot_only, "SNAPSHOT_ONLY", ReasonOwner::replay, "epics2kafkactl status"},
    {ReasonCode::address_unresolved, "ADDRESS_UNRESOLVED", ReasonOwner::iocs, "epics2kafkactl status"},
    {ReasonCode::nothing_connected, "NOTHING_CONNECTED", ReasonOwner::search, "epics2kafkactl doctor"},
    {ReasonCode::ioc_lost, "IOC_LOST", ReasonOwner::search, "epics2kafkactl hosts"},
    {ReasonCode::ioc_hung, "IOC_HUNG", ReasonOwner::iocs, "epics2kafkactl channels --state DISCONNECTED"},
    {ReasonCode::ioc_refuses, "IOC_REFUSES", ReasonOwner::iocs, "epics2kafkactl channel NAME"},
    {ReasonCode::channels_lost, "CHANNELS_LOST", ReasonOwner::search,
     "epics2kafkactl channels --state DISCONNECTED"},
    {ReasonCode::channels_never_connected, "CHANNELS_NEVER_CONNECTED", ReasonOwner::search,
     "epics2kafkactl channels --state NEVER_CONNECTED"},
    {ReasonCode::channel_duplicated, "CHANNEL_DUPLICATED", ReasonOwner::iocs, "epics2kafkactl channel NAME"},
    {ReasonCode::ioc_clock, "IOC_CLOCK", ReasonOwner::iocs, "epics2kafkactl channel NAME"},
    {ReasonCode::commands_rejected, "COMMANDS_REJECTED", ReasonOwner::commands, "epics2kafkactl rejected"},
    {ReasonCode::command_topic_partitions, "COMMAND_TOPIC_PARTITIONS", ReasonOwner::commands,
     "epics2kafkactl list"},
    {ReasonCode::command_topic_not_compacted, "COMMAND_TOPIC_NOT_COMPACTED", ReasonOwner::tail,
     "epics2kafkactl status"},
    {ReasonCode::state_directory, "STATE_DIRECTORY", ReasonOwner::state, "epics2kafkactl doctor"},
    {ReasonCode::runtime_directory, "RUNTIME_DIRECTORY", ReasonOwner::state, "epics2kafkactl doctor"},
});

// Whoever mends the cause mends the effect.
struct Consequence {
  ReasonCode cause, effect;
};
inline constexpr auto kConsequences = std::to_array<Consequence>({
    {ReasonCode::spool_directory, ReasonCode::worker_failing},
    {ReasonCode::runtime_directory, ReasonCode::worker_failing},
    {ReasonCode::kafka_login_refused, ReasonCode::snapshot_only},
    {ReasonCode::kafka_tls, ReasonCode::snapshot_only},
    {ReasonCode::brokers_down, ReasonCode::snapshot_only},
    {ReasonCode::brokers_silent, ReasonCode::snapshot_only},
    {ReasonCode::command_topic_missing, ReasonCode::snapshot_only},
    {ReasonCode::command_topic_not_authorised, ReasonCode::snapshot_only},
    {ReasonCode::command_topic_stalled, ReasonCode::snapshot_only},
    {ReasonCode::kafka_login_refused, ReasonCode::spool_filling},
    {ReasonCode::kafka_tls, ReasonCode::spool_filling},
    {ReasonCode::brokers_down, ReasonCode::spool_filling},
    {ReasonCode::brokers_silent, ReasonCode::spool_filling},
    {ReasonCode::address_unresolved, ReasonCode::nothing_connected},
    {ReasonCode::nothing_connected, ReasonCode::ioc_lost},
    {ReasonCode::nothing_connected, ReasonCode::channels_lost},
    {ReasonCode::nothing_connected, ReasonCode::channels_never_connected},
    {ReasonCode::worker_crashing, ReasonCode::worker_failing},
});

constexpr bool reason_kinds_stand_in_the_order_of_codes() {
  for (size_t i = 0; i < kReasonKinds.size(); ++i)
    if (static_cast<size_t>(kReasonKinds[i].code) != i) return false;
  return true;
}
static_assert(reason_kinds_stand_in_the_order_of_codes());

constexpr const ReasonKind& kind_of(ReasonCode code) {
  return kReasonKinds[static_cast<size_t>(code)];
}
// Nothing where no reason is called so.
constexpr std::optional<ReasonCode> reason_code_of(std::string_view name) {
  for (const ReasonKind& kind : kReasonKinds)
    if (name == kind.name) return kind.code;
  return std::nullopt;
}
constexpr const char* to_string(ReasonCode code) {
  return kind_of(code).name;
}

}  // namespace e2k::supervisor
