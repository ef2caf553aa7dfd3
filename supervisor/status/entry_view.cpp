#include "supervisor/status/entry_view.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "common/log.h"
#include "common/split.h"
#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor {
namespace {

constexpr double kNsPerSecondF = 1e9;
constexpr auto kRelaxed = std::memory_order_relaxed;

const char* type_name(uint16_t dbr_type) {
  static constexpr const char* kNames[] = {"DBR_STRING", "DBR_SHORT", "DBR_FLOAT", "DBR_ENUM",
                                           "DBR_CHAR",   "DBR_LONG",  "DBR_DOUBLE"};
  return dbr_type < std::size(kNames) ? kNames[dbr_type] : "";
}

EventCounts to_view(const ledger::Counts& counts) {
  return {counts.received, counts.acknowledged, counts.waiting, counts.lost, counts.coalesced, counts.gaps};
}

int64_t ns_of(uint32_t unix_s) {
  return int64_t{unix_s} * kNsPerSecond;
}

// What Kafka's side says of an entry that is blocked; else what its channel's chain says.
std::string reason_for(ShownState state, const EntryRef& entry, const ChannelFacts& channel) {
  switch (state) {
    case ShownState::no_topic:
      return "topic " + std::string(entry.topic) +
             " does not exist in Kafka; create it, its events wait in the spool";
    case ShownState::not_authorised:
      return "Kafka refuses writing to topic " + std::string(entry.topic) +
             "; grant it, its events wait in the spool";
    case ShownState::quarantined:
      return "quarantined";
    case ShownState::connected:
    case ShownState::pending:
    case ShownState::never_connected:
    case ShownState::disconnected:
    case ShownState::denied:
    case ShownState::no_data:
      break;
  }
  return channel_reason(channel);
}

// A worker's words are about its topics together; they belong to an entry where they name its topic.
std::string schema_reason(const std::string& words, std::string_view topic) {
  const std::string waiting = "its events wait in the spool for the id of a schema";
  if (words.empty()) return waiting;
  return waiting +
         (words.find(topic) == std::string::npos ? "; status says more (SCHEMA_REGISTRY)" : ": " + words);
}

// Where nothing else is amiss: why its topic takes nothing.
std::string blocked_reason(const EntryView& view, const std::string& schema_words) {
  switch (view.blocked) {
    case ledger::Blocked::encoder:
      return schema_reason(schema_words, view.topic);
    case ledger::Blocked::no_leader:
    case ledger::Blocked::silent:
      return "topic " + view.topic + " " + cause_of(view.blocked) +
             "; its events wait in the spool, status says more (TOPIC_BLOCKED)";
    case ledger::Blocked::no:
    case ledger::Blocked::no_topic:
    case ledger::Blocked::not_authorised:
      break;
  }
  return "";
}

}  // namespace

ShownState shown_state_of(const ledger::Entry& line) {
  switch (line.publisher.blocked.load(kRelaxed)) {
    case ledger::Blocked::no_topic:
      return ShownState::no_topic;
    case ledger::Blocked::not_authorised:
      return ShownState::not_authorised;
    case ledger::Blocked::no:
    case ledger::Blocked::no_leader:
    case ledger::Blocked::encoder:
    case ledger::Blocked::silent:
      break;
  }
  switch (line.ca.state.load(kRelaxed)) {
    case ledger::EntryState::connected:
      return ShownState::connected;
    case ledger::EntryState::never_connected:
      return ShownState::never_connected;
    case ledger::EntryState::disconnected:
      return ShownState::disconnected;
    case ledger::EntryState::denied:
      return ShownState::denied;
    case ledger::EntryState::no_data:
      return ShownState::no_data;
    case ledger::EntryState::unused:
    case ledger::EntryState::pending:
      return ShownState::pending;
  }
  return ShownState::pending;
}

ChannelFacts channel_facts(const ledger::LedgerReader& reader, const ledger::Entry& line) {
  ChannelFacts facts;
  facts.state = line.ca.state.load(kRelaxed);
  facts.step = line.ca.step.load(kRelaxed);
  facts.detail = line.ca.detail.load(kRelaxed);
  facts.elements = line.ca.count.load(kRelaxed);
  facts.host = reader.host_name(line.ca.host.load(kRelaxed));
  facts.also_host = reader.host_name(line.ca.also_host.load(kRelaxed));
  return facts;
}

EventCounts event_counts(const ledger::Entry& line) {
  return to_view(ledger::counts_of(line));
}

bool is_at_host(std::string_view host, std::string_view asked) {
  return !asked.empty() && (host == asked || split_host_port(host).host == asked);
}

bool is_silent(const ledger::Entry& line, double seconds, RealNs now) {
  const int64_t arrival = line.ca.last_arrival_real_ns.load(kRelaxed);
  return arrival == 0 || static_cast<double>(now.value - arrival) / kNsPerSecondF > seconds;
}

EntryView entry_view(const EntryRef& entry, ShownState state, const ChannelFacts& channel) {
  EntryView view;
  view.id = entry.id;
  view.channel = entry.channel;
  view.topic = entry.topic;
  view.key = entry.key.empty() ? entry.channel : entry.key;
  view.mask = entry.mask;
  view.state = state;
  view.command_offset = entry.offset;
  view.host = channel.host;
  view.also_host = channel.also_host;
  view.reason = reason_for(state, entry, channel);
  return view;
}

void add_line(EntryView& view, const ledger::Entry& line) {
  view.events += to_view(ledger::counts_of(line));
  const uint32_t began_s = line.ca.gap_began_unix_s.load(kRelaxed),
                 ended_s = line.ca.gap_ended_unix_s.load(kRelaxed);
  if (began_s != 0 && ns_of(began_s) > view.gap_began_unix_ns.value_or(0)) {
    view.gap_began_unix_ns = ns_of(began_s);
    view.gap_ended_unix_ns = ended_s == 0 ? std::nullopt : std::optional(ns_of(ended_s));
  }
  const int64_t lost_at = ns_of(line.publisher.last_loss_unix_s.load(kRelaxed));
  const auto reason = static_cast<ledger::LossReason>(line.publisher.last_loss.load(kRelaxed));
  if (reason == ledger::LossReason::none || lost_at < view.last_loss_unix_ns) return;
  view.last_loss = reason;
  view.last_loss_unix_ns = lost_at;
}

void add_present(EntryView& view, const ledger::Entry& line, const std::string& schema_words, RealNs now) {
  if (const uint32_t since_s = line.ca.step_since_unix_s.load(kRelaxed); since_s != 0)
    view.since_unix_ns = ns_of(since_s);
  view.type = type_name(line.ca.dbr_type.load(kRelaxed));
  view.count = line.ca.count.load(kRelaxed);
  if (const int64_t arrival = line.ca.last_arrival_real_ns.load(kRelaxed); arrival != 0) {
    view.last_event_age_s = static_cast<double>(now.value - arrival) / kNsPerSecondF;
    const uint64_t stamp = line.ca.last_stamp.load(kRelaxed);
    if (stamp != 0) {
      view.last_stamp_unix_ns = (static_cast<int64_t>(stamp >> 32) + kEpicsEpochUnixSeconds) * kNsPerSecond +
                                static_cast<int64_t>(stamp & UINT32_MAX);
      view.clock_skew_s = static_cast<double>(arrival - *view.last_stamp_unix_ns) / kNsPerSecondF;
    }
  }
  view.blocked = line.publisher.blocked.load(kRelaxed);
  if (view.reason.empty()) view.reason = blocked_reason(view, schema_words);
  view.restamped = line.publisher.restamped.load(kRelaxed);
  if (line.publisher.last_offset.load(kRelaxed) >= 0) {
    view.last_partition = line.publisher.last_partition.load(kRelaxed);
    view.last_offset = line.publisher.last_offset.load(kRelaxed);
  }
  if (view.reason.empty() && view.last_loss != ledger::LossReason::none)
    view.reason = std::string("last loss: ") + ledger::to_string(view.last_loss);
}

}  // namespace e2k::supervisor
