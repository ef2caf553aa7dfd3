// Pure. The reasons of the status: a code each, and who alone begins and ends it.
//
// A code's name is on the wire (/status, metrics, the log) and in the documentation; it is never given to
// another cause.
#pragma once

#include <array>
#include <cstddef>

namespace e2k::supervisor {

enum class ReasonCode {
  command_topic_missing,
  command_topic_not_authorised,
  command_topic_not_compacted,
  command_topic_shrank,
  snapshot_only,
  kafka_login_refused,
  kafka_tls,
  brokers_down,
  brokers_silent,
  state_directory,
  worker_failed,
  worker_failing,
  schema_registry,
  ioc_refuses,
  ioc_hung,
  ioc_clock,
  channel_duplicated,
  address_unresolved,
  topic_blocked,
  spool_filling,
  spool_full,
  events_lost,
  records_refused,
  log_damaged,
  spool_gone,
};

enum class ReasonOwner {
  tail,     // commands/tail: what it met at the command topic
  replay,   // commands/replay: what the topic that was read means
  brokers,  // commands/broker_problems: both sides' connections
  state,    // what is kept in the state directory
  fleet,    // status/worker_problems: slots, and what workers say
  iocs,     // status/ioc_problems
  spools,   // status/spool_problems
};

struct ReasonKind {
  ReasonCode code;
  const char* name;
  ReasonOwner owner;
};

inline constexpr auto kReasonKinds = std::to_array<ReasonKind>({
    {ReasonCode::command_topic_missing, "COMMAND_TOPIC_MISSING", ReasonOwner::tail},
    {ReasonCode::command_topic_not_authorised, "COMMAND_TOPIC_NOT_AUTHORISED", ReasonOwner::tail},
    {ReasonCode::command_topic_not_compacted, "COMMAND_TOPIC_NOT_COMPACTED", ReasonOwner::tail},
    {ReasonCode::command_topic_shrank, "COMMAND_TOPIC_SHRANK", ReasonOwner::replay},
    {ReasonCode::snapshot_only, "SNAPSHOT_ONLY", ReasonOwner::replay},
    {ReasonCode::kafka_login_refused, "KAFKA_LOGIN_REFUSED", ReasonOwner::brokers},
    {ReasonCode::kafka_tls, "KAFKA_TLS", ReasonOwner::brokers},
    {ReasonCode::brokers_down, "BROKERS_DOWN", ReasonOwner::brokers},
    {ReasonCode::brokers_silent, "BROKERS_SILENT", ReasonOwner::brokers},
    {ReasonCode::state_directory, "STATE_DIRECTORY", ReasonOwner::state},
    {ReasonCode::worker_failed, "WORKER_FAILED", ReasonOwner::fleet},
    {ReasonCode::worker_failing, "WORKER_FAILING", ReasonOwner::fleet},
    {ReasonCode::schema_registry, "SCHEMA_REGISTRY", ReasonOwner::fleet},
    {ReasonCode::ioc_refuses, "IOC_REFUSES", ReasonOwner::iocs},
    {ReasonCode::ioc_hung, "IOC_HUNG", ReasonOwner::iocs},
    {ReasonCode::ioc_clock, "IOC_CLOCK", ReasonOwner::iocs},
    {ReasonCode::channel_duplicated, "CHANNEL_DUPLICATED", ReasonOwner::iocs},
    {ReasonCode::address_unresolved, "ADDRESS_UNRESOLVED", ReasonOwner::iocs},
    {ReasonCode::topic_blocked, "TOPIC_BLOCKED", ReasonOwner::spools},
    {ReasonCode::spool_filling, "SPOOL_FILLING", ReasonOwner::spools},
    {ReasonCode::spool_full, "SPOOL_FULL", ReasonOwner::spools},
    {ReasonCode::events_lost, "EVENTS_LOST", ReasonOwner::spools},
    {ReasonCode::records_refused, "RECORDS_REFUSED", ReasonOwner::spools},
    {ReasonCode::log_damaged, "LOG_DAMAGED", ReasonOwner::spools},
    {ReasonCode::spool_gone, "SPOOL_GONE", ReasonOwner::spools},
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
constexpr const char* to_string(ReasonCode code) {
  return kind_of(code).name;
}

}  // namespace e2k::supervisor
