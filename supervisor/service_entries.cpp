// What Service shows of entries: command state, book of shares and mapped ledgers, put together on request.
#include <algorithm>
#include <cstring>

#include "common/log.h"
#include "supervisor/fleet/slot_life.h"
#include "supervisor/service.h"
#include "supervisor/status/channel_reason.h"
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

// Of several lines the latest gap and the latest loss are shown.
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

ShownState shown_state_of(const ledger::Entry& line) {
  switch (line.publisher.blocked.load(std::memory_order_relaxed)) {
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
  switch (line.ca.state.load(std::memory_order_relaxed)) {
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

// The cursor of a page: pages are in the order of (channel, topic), neither of which holds a tab.
std::string cursor_of(const EntryRef& entry) {
  std::string cursor(entry.channel);
  cursor += '\t';
  cursor += entry.topic;
  return cursor;
}

}  // namespace

const ledger::Entry* Service::line_of(EntryId id) const {
  const auto place = shares_.place(id);
  return place ? line_at(*place) : nullptr;
}

const ledger::Entry* Service::line_at(const Place& place) const {
  const ledger::LedgerReader* reader = fleet_->ledger(place.slot);
  return reader == nullptr ? nullptr : reader->entry(place.index);
}

ShownState Service::shown_state(const EntryRef& entry) const {
  const auto place = shares_.place(entry.id);
  if (!place || !is_alive(fleet_->state(place->slot))) return ShownState::pending;
  const ledger::Entry* line = line_at(*place);
  return line == nullptr ? ShownState::pending : shown_state_of(*line);
}

EntryView Service::view_of(const EntryRef& entry) const {
  EntryView view;
  view.id = entry.id;
  view.channel = entry.channel;
  view.topic = entry.topic;
  view.key = entry.key.empty() ? entry.channel : entry.key;
  view.mask = entry.mask;
  view.worker = shares_.owner(entry.id);
  view.state = shown_state(entry);
  view.command_offset = entry.offset;
  const ledger::Entry* line = line_of(entry.id);
  const ChannelFacts channel = line == nullptr ? ChannelFacts{} : channel_facts(entry.id, *line);
  view.host = channel.host;
  view.also_host = channel.also_host;
  view.reason = reason_for(view.state, entry, channel);
  if (view.worker && !is_alive(fleet_->state(*view.worker)))
    view.reason = "worker " + std::to_string(view.worker->value) + " is being started";
  add_books(entry, view);
  if (line == nullptr) return view;
  if (const uint32_t since_s = line->ca.step_since_unix_s.load(std::memory_order_relaxed); since_s != 0)
    view.since_unix_ns = int64_t{since_s} * kNsPerSecond;
  view.type = type_name(line->ca.dbr_type.load(std::memory_order_relaxed));
  view.count = line->ca.count.load(std::memory_order_relaxed);
  const int64_t arrival = line->ca.last_arrival_real_ns.load(std::memory_order_relaxed);
  if (arrival != 0) {
    view.last_event_age_s = static_cast<double>(real_now().value - arrival) / kNsPerSecondF;
    const uint64_t stamp = line->ca.last_stamp.load(std::memory_order_relaxed);
    if (stamp != 0) {
      view.last_stamp_unix_ns = (static_cast<int64_t>(stamp >> 32) + kEpicsEpochUnixSeconds) * kNsPerSecond +
                                static_cast<int64_t>(stamp & UINT32_MAX);
      view.clock_skew_s = static_cast<double>(arrival - *view.last_stamp_unix_ns) / kNsPerSecondF;
    }
  }
  view.blocked = line->publisher.blocked.load(std::memory_order_relaxed);
  if (view.reason.empty() && view.blocked == ledger::Blocked::encoder)
    view.reason = schema_reason(*view.worker, entry.topic);
  if (view.reason.empty() &&
      (view.blocked == ledger::Blocked::no_leader || view.blocked == ledger::Blocked::silent))
    view.reason = "topic " + std::string(entry.topic) + " " + cause_of(view.blocked) +
                  "; its events wait in the spool, status says more (TOPIC_BLOCKED)";
  view.restamped = line->publisher.restamped.load(std::memory_order_relaxed);
  if (line->publisher.last_offset.load(std::memory_order_relaxed) >= 0) {
    view.last_partition = line->publisher.last_partition.load(std::memory_order_relaxed);
    view.last_offset = line->publisher.last_offset.load(std::memory_order_relaxed);
  }
  if (view.reason.empty() && view.last_loss != ledger::LossReason::none)
    view.reason = std::string("last loss: ") + ledger::to_string(view.last_loss);
  return view;
}

// All that was ever counted of the entry: under its present key and earlier ones, on whatever worker.
void Service::add_books(const EntryRef& entry, EntryView& view) const {
  shares_.lines().each(Identity::of(entry.topic, entry.channel), [&](const Place& place) {
    const ledger::LedgerReader* books = books_of(place.slot);
    if (books == nullptr) return;
    if (const ledger::Entry* line = books->entry(place.index)) add_line(view, *line);
  });
}

// A worker's words are about its topics together; they belong to an entry where they name its topic.
std::string Service::schema_reason(Slot slot, std::string_view topic) const {
  const std::string waiting = "its events wait in the spool for the id of a schema";
  for (const auto& view : fleet_->slots()) {
    if (view.slot != slot || !view.heartbeat || view.heartbeat->schema_problem.empty()) continue;
    const std::string& told = view.heartbeat->schema_problem;
    return waiting +
           (told.find(topic) == std::string::npos ? "; status says more (SCHEMA_REGISTRY)" : ": " + told);
  }
  return waiting;
}

EntryPage Service::entries(const EntryQuery& query) const {
  // The page's entries by their cursors. One pass over the state, keeping the smallest `limit` behind the
  // cursor.
  std::map<std::string, EntryId> page;
  bool more = false;
  const size_t limit = std::max<size_t>(1, query.limit);
  commands_.visit([&](const EntryRef& entry) {
    if (!entry.channel.starts_with(query.prefix)) return;
    if (query.worker && shares_.owner(entry.id) != query.worker) return;
    if (query.state && shown_state(entry) != *query.state) return;
    std::string cursor = cursor_of(entry);
    if (!query.after.empty() && cursor <= query.after) return;
    if (page.size() == limit) {
      more = true;
      if (cursor > page.rbegin()->first) return;
      page.erase(std::prev(page.end()));
    }
    page.emplace(std::move(cursor), entry.id);
  });
  EntryPage answer;
  answer.items.reserve(page.size());
  for (const auto& [cursor, id] : page) answer.items.push_back(view_of(*commands_.find(id)));
  if (more) answer.next = page.rbegin()->first;
  return answer;
}

std::vector<EntryView> Service::entries_of(std::string_view channel) const {
  std::vector<EntryView> views;
  for (const EntryRef& entry : commands_.of_channel(channel)) views.push_back(view_of(entry));
  return views;
}

}  // namespace e2k::supervisor
