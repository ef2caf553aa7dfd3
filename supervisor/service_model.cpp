// What Service shows of itself and its workers, put together on request from the mapped ledgers, and the
// changes that it takes.
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/config/epics_variables.h"
#include "common/kafka/conf.h"
#include "common/log.h"
#include "common/process_use.h"
#include "common/version.h"
#include "supervisor/fleet/slot_life.h"
#include "supervisor/service.h"

namespace e2k::supervisor {
namespace {

constexpr double kNsPerSecondF = 1e9;
constexpr auto kRelaxed = std::memory_order_relaxed;

double seconds_since(MonotonicNs then) {
  return static_cast<double>(monotonic_now().value - then.value) / kNsPerSecondF;
}

}  // namespace

EventCounts counts_of_slot(const ledger::LedgerReader& reader) {
  EventCounts sum;
  const ledger::Header& header = reader.header();
  const uint64_t spooled_losses = ledger::sum_of(header.lost_spooled);
  const uint64_t unspooled_losses = ledger::sum_of(header.lost_unspooled);
  // What went out is read before what came in, so that what waits is never negative.
  sum.acknowledged = header.acknowledged.load(std::memory_order_acquire);
  sum.coalesced = header.coalesced.load(std::memory_order_acquire);
  const uint64_t appended = header.appended.load(std::memory_order_acquire);
  const uint64_t settled = sum.acknowledged + sum.coalesced + spooled_losses;
  sum.waiting = appended > settled ? appended - settled : 0;
  sum.lost = spooled_losses + unspooled_losses;
  sum.received = sum.acknowledged + sum.waiting + sum.lost + sum.coalesced;
  sum.gaps = header.opening.gaps;
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

// What a slot's ledger says of it. The sums stand for a dead worker too.
void add_ledger(WorkerView& view, const ledger::LedgerReader& books, bool is_alive) {
  view.events = counts_of_slot(books);
  view.restamped = books.header().opening.restamped;
  for (uint32_t i = 0; i < books.entries_used(); ++i) {
    const ledger::Entry* line = books.entry(EntryIndex{i});
    if (line == nullptr) break;
    view.restamped += line->publisher.restamped.load(kRelaxed);
    if (is_alive && line->ca.state.load(kRelaxed) == ledger::EntryState::connected) ++view.connected;
  }
  const ledger::Header& header = books.header();
  if (is_alive) view.in_flight = header.in_flight.load(kRelaxed);
  view.ca_events = header.ca_events.load(kRelaxed);
  view.searches_sent = header.searches_sent.load(kRelaxed);
  view.searches_answered = header.searches_answered.load(kRelaxed);
  view.searches_refused = header.searches_refused.load(kRelaxed);
  view.circuits_opened = header.circuits_opened.load(kRelaxed);
  view.circuits_failed = header.circuits_failed.load(kRelaxed);
  view.produced = header.produced.load(kRelaxed);
  view.delivery_failures = header.delivery_failures.load(kRelaxed);
  view.spool_bytes = header.spool_bytes.load(kRelaxed);
  view.lost_by_reason = losses_of(header);
  for (size_t i = 0; i < ledger::kLatencyBuckets; ++i)
    view.latency_buckets[i] = header.latency_buckets[i].load(kRelaxed);
  view.latency_sum_s = static_cast<double>(header.latency_sum_ns.load(kRelaxed)) / kNsPerSecondF;
}

void add_books_of_slot(StatusView& view, const ledger::LedgerReader& books, int64_t now) {
  view.events += counts_of_slot(books);
  const ledger::Header& header = books.header();
  view.spool_bytes += header.spool_bytes.load(kRelaxed);
  if (const int64_t oldest = header.oldest_waiting_arrival_real_ns.load(kRelaxed); oldest != 0)
    view.oldest_event_age_s =
        std::max(view.oldest_event_age_s, static_cast<double>(now - oldest) / kNsPerSecondF);
}

}  // namespace

StatusView Service::status() const {
  StatusView view;
  view.name = config_.instance.empty() ? "epics2kafka" : config_.instance;
  view.version = release();
  view.librdkafka = kafka::version();
  view.state = state();
  view.reasons = reasons_.list();
  view.pid = ::getpid();
  view.paused = paused_;
  view.uptime_s = seconds_since(started_at_);
  view.commands.topic = config_.commands.topic;
  view.commands.group = config_.commands.group;
  view.commands.caught_up = replay_.live();
  view.commands.offset = replay_.offset();
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
    if (slot.books != nullptr) add_books_of_slot(view, *slot.books, now);
  }
  for (const auto& [slot, gone] : books_.gone())
    if (gone.ledger) add_books_of_slot(view, *gone.ledger, now);
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
    if (slot.books != nullptr) add_ledger(view, *slot.books, is_alive(*slot.state));
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<WorkerView> Service::gone_slots() const {
  std::vector<WorkerView> views;
  for (const auto& [slot, gone] : books_.gone()) {
    WorkerView view;
    view.slot = slot;
    view.state = "GONE";
    view.heir = gone.heir;
    if (gone.ledger) add_ledger(view, *gone.ledger, false);
    views.push_back(std::move(view));
  }
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
