// What Service shows: the command state, the book of shares, the fleet and the mapped ledgers, put together
// on request.
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/config/epics_variables.h"
#include "common/kafka/conf.h"
#include "common/log.h"
#include "common/process_use.h"
#include "supervisor/service.h"
#include "supervisor/slot_life.h"
#include "supervisor/status/channel_reason.h"

namespace e2k::supervisor {
namespace {

constexpr double kNsPerSecondF = 1e9;

double seconds_since(MonotonicNs then) {
  return static_cast<double>(monotonic_now().value - then.value) / kNsPerSecondF;
}

const char* type_name(uint16_t dbr_type) {
  static constexpr const char* kNames[] = {"DBR_STRING", "DBR_SHORT", "DBR_FLOAT", "DBR_ENUM",
                                           "DBR_CHAR",   "DBR_LONG",  "DBR_DOUBLE"};
  return dbr_type < std::size(kNames) ? kNames[dbr_type] : "";
}

void add(EventCounts& sum, const ledger::Counts& counts) {
  sum.received += counts.received;
  sum.acknowledged += counts.acknowledged;
  sum.waiting += counts.waiting;
  sum.lost += counts.lost;
  sum.coalesced += counts.coalesced;
  sum.gaps += counts.gaps;
}

EventCounts to_view(const ledger::Counts& counts) {
  EventCounts view;
  add(view, counts);
  return view;
}

}  // namespace

EventCounts counts_of_slot(const ledger::LedgerReader& reader) {
  EventCounts sum;
  const ledger::Header& header = reader.header();
  uint64_t spooled_losses = 0, unspooled_losses = 0;
  for (size_t i = 0; i < ledger::kReasons; ++i) {
    spooled_losses += header.lost_spooled[i].load(std::memory_order_relaxed);
    unspooled_losses += header.lost_unspooled[i].load(std::memory_order_relaxed);
  }
  // What went out is read before what came in, so that what waits is never negative.
  sum.acknowledged = header.acknowledged.load(std::memory_order_acquire);
  sum.coalesced = header.coalesced.load(std::memory_order_acquire);
  const uint64_t appended = header.appended.load(std::memory_order_acquire);
  const uint64_t settled = sum.acknowledged + sum.coalesced + spooled_losses;
  sum.waiting = appended > settled ? appended - settled : 0;
  sum.lost = spooled_losses + unspooled_losses;
  sum.received = sum.acknowledged + sum.waiting + sum.lost + sum.coalesced;
  for (uint32_t i = 0; i < reader.entries_used(); ++i)
    if (const ledger::Entry* line = reader.entry(EntryIndex{i}))
      sum.gaps += line->ca.gaps.load(std::memory_order_relaxed);
  return sum;
}

namespace {

std::map<std::string, uint64_t> losses_of(const ledger::Header& header) {
  std::map<std::string, uint64_t> losses;
  for (size_t i = 1; i < ledger::kReasons; ++i) {
    const uint64_t count = header.lost_spooled[i].load(std::memory_order_relaxed) +
                           header.lost_unspooled[i].load(std::memory_order_relaxed);
    if (count != 0) losses[ledger::to_string(static_cast<ledger::LossReason>(i))] = count;
  }
  return losses;
}

const char* shown_phase(SlotPhase phase) {
  switch (phase) {
    case SlotPhase::starting:
      return "STARTING";
    case SlotPhase::running:
      return "RUNNING";
    case SlotPhase::unresponsive:
      return "UNRESPONSIVE";
    case SlotPhase::stopping:
    case SlotPhase::killing:
      return "STOPPING";
    case SlotPhase::backoff:
      return "BACKOFF";
    case SlotPhase::failed:
      return "FAILED";
    case SlotPhase::idle:
    case SlotPhase::stopped:
      return "STOPPED";
  }
  return "";
}

ShownState shown_state_of(const ledger::Entry& line) {
  switch (line.publisher.blocked.load(std::memory_order_relaxed)) {
    case ledger::Blocked::no_topic:
      return ShownState::no_topic;
    case ledger::Blocked::not_authorised:
      return ShownState::not_authorised;
    case ledger::Blocked::no:
    case ledger::Blocked::no_leader:
    case ledger::Blocked::window_full:
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

EventCounts Service::counts_of(const Fleet::SlotView& slot) const {
  return slot.books == nullptr ? EventCounts{} : counts_of_slot(*slot.books);
}

ShownState Service::shown_state(const EntryRef& entry) const {
  const auto place = shares_.place(entry.id);
  if (!place || !is_alive(fleet_->state(place->slot))) return ShownState::pending;
  const ledger::Entry* line = line_of(entry.id);
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
  if (line == nullptr) return view;
  if (const uint32_t since_s = line->ca.step_since_unix_s.load(std::memory_order_relaxed); since_s != 0)
    view.since_unix_ns = int64_t{since_s} * kNsPerSecond;
  view.type = type_name(line->ca.dbr_type.load(std::memory_order_relaxed));
  view.count = line->ca.count.load(std::memory_order_relaxed);
  view.events = to_view(ledger::counts_of(*line));
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
  if (view.reason.empty() &&
      line->publisher.blocked.load(std::memory_order_relaxed) == ledger::Blocked::encoder)
    view.reason = schema_reason(*view.worker, entry.topic);
  view.restamped = line->publisher.restamped.load(std::memory_order_relaxed);
  if (line->publisher.last_offset.load(std::memory_order_relaxed) >= 0) {
    view.last_partition = line->publisher.last_partition.load(std::memory_order_relaxed);
    view.last_offset = line->publisher.last_offset.load(std::memory_order_relaxed);
  }
  const auto loss =
      static_cast<ledger::LossReason>(line->publisher.last_loss.load(std::memory_order_relaxed));
  if (view.reason.empty() && loss != ledger::LossReason::none)
    view.reason = std::string("last loss: ") + ledger::to_string(loss);
  return view;
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

StatusView Service::status() const {
  StatusView view;
  view.name = config_.instance.empty() ? "epics2kafka" : config_.instance;
  view.version = E2K_VERSION;
  view.librdkafka = kafka::version();
  view.state = state();
  view.reasons = problems_.list();
  view.pid = ::getpid();
  view.uptime_s = seconds_since(started_at_);
  view.commands.topic = config_.commands.topic;
  view.commands.group = config_.commands.group;
  view.commands.caught_up = tail_ && tail_->caught_up();
  view.commands.offset = tail_ ? tail_->offset() : -1;
  view.commands.entries = commands_.size();
  view.commands.rejected = commands_.rejected_total();
  view.entries_total = commands_.size();
  view.channels_distinct = shares_.channels();
  commands_.visit(
      [&](const EntryRef& entry) { ++view.entries_by_state[static_cast<size_t>(shown_state(entry))]; });
  view.kafka_last_error = tail_ ? tail_->last_error() : "";
  view.spool_max_bytes = static_cast<uint64_t>(config_.spool.max_total_bytes);
  const int64_t now = real_now().value;
  for (const auto& slot : fleet_->slots()) {
    if (!slot.libca.empty()) view.libca = slot.libca;
    if (slot.heartbeat) {
      view.brokers_up = std::max(view.brokers_up, static_cast<int>(slot.heartbeat->brokers_up));
      if (view.kafka_last_error.empty()) view.kafka_last_error = slot.heartbeat->kafka_error;
    }
    const EventCounts counts = counts_of(slot);
    view.events.received += counts.received;
    view.events.acknowledged += counts.acknowledged;
    view.events.waiting += counts.waiting;
    view.events.lost += counts.lost;
    view.events.coalesced += counts.coalesced;
    view.events.gaps += counts.gaps;
    if (slot.ledger == nullptr) continue;
    const ledger::Header& header = slot.ledger->header();
    view.spool_bytes += header.spool_bytes.load(std::memory_order_relaxed);
    const int64_t oldest = header.oldest_waiting_arrival_real_ns.load(std::memory_order_relaxed);
    if (oldest != 0)
      view.oldest_event_age_s =
          std::max(view.oldest_event_age_s, static_cast<double>(now - oldest) / kNsPerSecondF);
  }
  view.config_path = config_.path;
  view.config_sha256 = config_.sha256;
  view.epics = config_.epics;
  for (const config::EpicsVariable& variable : config::epics_variables())
    if (config_.hidden.contains("epics." + std::string(variable.key)))
      view.epics[std::string(variable.variable)] = "***";
  return view;
}

std::vector<WorkerView> Service::workers() const {
  std::vector<WorkerView> views;
  for (const auto& slot : fleet_->slots()) {
    WorkerView view;
    view.slot = slot.slot;
    view.generation = slot.state->generation;
    view.pid = slot.state->pid;
    view.state = shown_phase(slot.state->phase);
    view.channels = shares_.channels(slot.slot);
    view.entries = shares_.entries(slot.slot);
    view.restarts = slot.state->restarts;
    view.restarts_by_reason = slot.restarts_by_reason;
    view.last_exit = slot.state->last_exit;
    if (view.pid != 0) {
      view.uptime_s = seconds_since(slot.started_at);
      if (const auto use = process_use(view.pid)) {
        view.rss_bytes = use->rss_bytes;
        view.cpu_seconds = use->cpu_seconds;
      }
    }
    view.events = counts_of(slot);
    if (slot.ledger != nullptr && is_alive(*slot.state)) {
      for (uint32_t i = 0; i < slot.ledger->entries_used(); ++i) {
        const ledger::Entry* line = slot.ledger->entry(EntryIndex{i});
        if (line == nullptr) break;
        view.restamped += line->publisher.restamped.load(std::memory_order_relaxed);
        if (line->ca.state.load(std::memory_order_relaxed) == ledger::EntryState::connected) ++view.connected;
      }
      view.in_flight = slot.ledger->header().in_flight.load(std::memory_order_relaxed);
    }
    if (slot.books != nullptr) {
      const ledger::Header& header = slot.books->header();
      view.ca_events = header.ca_events.load(std::memory_order_relaxed);
      view.searches_sent = header.searches_sent.load(std::memory_order_relaxed);
      view.searches_answered = header.searches_answered.load(std::memory_order_relaxed);
      view.searches_refused = header.searches_refused.load(std::memory_order_relaxed);
      view.circuits_opened = header.circuits_opened.load(std::memory_order_relaxed);
      view.circuits_failed = header.circuits_failed.load(std::memory_order_relaxed);
      view.produced = header.produced.load(std::memory_order_relaxed);
      view.delivery_failures = header.delivery_failures.load(std::memory_order_relaxed);
      view.spool_bytes = header.spool_bytes.load(std::memory_order_relaxed);
      view.lost_by_reason = losses_of(header);
      for (size_t i = 0; i < ledger::kLatencyBuckets; ++i)
        view.latency_buckets[i] = header.latency_buckets[i].load(std::memory_order_relaxed);
      view.latency_sum_s =
          static_cast<double>(header.latency_sum_ns.load(std::memory_order_relaxed)) / kNsPerSecondF;
    }
    views.push_back(std::move(view));
  }
  return views;
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

std::vector<Rejection> Service::rejections() const {
  const auto& remembered = commands_.rejections();
  return {remembered.begin(), remembered.end()};
}

bool Service::restart_worker(Slot slot, const Caller&) {
  if (slot.value >= config_.workers.count) return false;
  fleet_->restart(slot);
  return true;
}

void Service::restart_workers(bool rolling, bool only_failed, const Caller&) {
  fleet_->restart_all(rolling, only_failed);
}

size_t Service::retry(std::string_view channel, std::optional<std::string_view> topic, const Caller&) {
  size_t renewed = 0;
  harvest_reports();  // what was told of the channel already is not told again
  Shares::Orders orders;
  for (const EntryRef& entry : commands_.of_channel(channel)) {
    if (topic && entry.topic != *topic) continue;
    ++renewed;
    shares_.renew(entry.id, commands_, orders);
  }
  apply_orders(std::move(orders));
  return renewed;
}

}  // namespace e2k::supervisor
