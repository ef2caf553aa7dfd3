#include "supervisor/status/board.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "common/config/epics_variables.h"
#include "common/config/property_rules.h"
#include "common/kafka/conf.h"
#include "common/process_use.h"
#include "common/version.h"
#include "supervisor/fleet/slot_life.h"
#include "supervisor/status/slot_view.h"

namespace e2k::supervisor {
namespace {

constexpr double kNsPerSecondF = 1e9;

double seconds_since(MonotonicNs then) {
  return static_cast<double>(monotonic_now().value - then.value) / kNsPerSecondF;
}

}  // namespace

void Board::changed(EntryId id) {
  if (const auto entry = parts_.commands.find(id)) {
    note_state(*entry, shown_state(*entry));
  } else {
    states_.forget(id);
  }
}

bool Board::saw(const EntryRef& entry, const ledger::Entry* line) {
  return note_state(entry, state_by(entry, line));
}

void Board::look_at_lines() {
  for (const auto& slot : parts_.fleet.slots())
    if (slot.books != nullptr) line_sums_.look(slot.slot, *slot.books);
  for (const auto& [slot, gone] : parts_.books.gone())
    if (gone.ledger) line_sums_.look(slot, *gone.ledger);
}

void Board::look(double seconds) {
  rates_.look(hosts(), seconds);
  flow_.look(flow_sums(), seconds);
}

FlowSums Board::flow_sums() const {
  FlowSums sums;
  for (const auto& slot : parts_.fleet.slots())
    if (slot.books != nullptr) sums.add(slot.books->header());
  for (const auto& [slot, gone] : parts_.books.gone())
    if (gone.ledger) sums.add(gone.ledger->header());
  return sums;
}

bool Board::note_state(const EntryRef& entry, ShownState now) {
  const auto set = states_.set(entry.id, now);
  if (set.is_news) entry_changes_.add(entry.id, set.before, now);
  return set.is_news;
}

void Board::count_states() {
  parts_.commands.visit([this](const EntryRef& entry) { note_state(entry, shown_state(entry)); });
}

ServiceState Board::state() const {
  if (stopping_) return ServiceState::stopping;
  if (!parts_.replay.serving()) return ServiceState::starting;
  if (!has_begun_) {
    for (const auto& view : parts_.fleet.slots()) {
      const bool first = view.state->restarts == 0 && view.state->last_cause == ExitCause::none;
      if (first && (view.state->phase == SlotPhase::starting || view.state->phase == SlotPhase::idle))
        return ServiceState::starting;
    }
    has_begun_ = true;
  }
  if (paused_) return ServiceState::paused;
  return parts_.reasons.any() ? ServiceState::degraded : ServiceState::running;
}

StatusView Board::status() {
  const Config& config = parts_.config;
  StatusView view;
  view.name = config.instance.empty() ? "epics2kafka" : config.instance;
  view.version = release();
  view.librdkafka = kafka::version();
  view.state = state();
  view.reasons = parts_.reasons.list();
  view.pid = ::getpid();
  view.paused = paused_;
  view.uptime_s = seconds_since(started_at_);
  view.loop_longest_turn_s = parts_.longest_turn_s();
  view.kafka_last_error = parts_.kafka_last_error();
  view.spool_max_bytes = static_cast<uint64_t>(config.spool.max_total_bytes);
  if (parts_.commands.size() <= kFewEntries) count_states();
  view.entries_by_state = states_.by_state();
  const FlowRates rates = flow_.rates();
  view.received_per_s = rates.received_per_s;
  view.acknowledged_per_s = rates.acknowledged_per_s;
  view.lost_per_s = rates.lost_per_s;
  add_commands(view);
  add_slots(view);
  add_configuration(view);
  return view;
}

void Board::add_commands(StatusView& view) const {
  view.commands.topic = parts_.config.commands.topic;
  view.commands.group = parts_.config.commands.group;
  view.commands.caught_up = parts_.replay.live();
  view.commands.offset = parts_.replay.offset();
  view.commands.entries = parts_.commands.size();
  view.commands.rejected = parts_.commands.rejected_total();
  view.commands.note = commands_note_;
  view.entries_total = parts_.commands.size();
  view.channels_distinct = parts_.shares.channels();
}

void Board::add_slots(StatusView& view) const {
  const RealNs now = real_now();
  for (const auto& slot : parts_.fleet.slots()) {
    if (!slot.libca.empty()) view.libca = slot.libca;
    if (slot.heartbeat) {
      view.brokers_up = std::max(view.brokers_up, static_cast<int>(slot.heartbeat->brokers_up));
      if (view.kafka_last_error.empty()) view.kafka_last_error = slot.heartbeat->kafka_error;
    }
    if (slot.books != nullptr)
      add_books_of_slot(view, *slot.books, line_sums_.of(slot.slot, *slot.books), now);
  }
  for (const auto& [slot, gone] : parts_.books.gone())
    if (gone.ledger) add_books_of_slot(view, *gone.ledger, line_sums_.of(slot, *gone.ledger), now);
}

void Board::add_configuration(StatusView& view) const {
  const Config& config = parts_.config;
  view.kafka_servers = shown_servers(config.kafka.common, config.kafka.consumer);
  view.config_path = config.path;
  view.config_sha256 = config.sha256;
  view.epics = config.epics;
  for (const config::EpicsVariable& variable : config::epics_variables())
    if (config.hidden.contains("epics." + std::string(variable.key)))
      view.epics[std::string(variable.variable)] = "***";
}

std::vector<WorkerView> Board::worker_states() const {
  std::vector<WorkerView> views;
  for (const auto& slot : parts_.fleet.slots()) {
    WorkerView view;
    view.slot = slot.slot;
    view.state = shown_phase(slot.state->phase);
    if (parts_.leaves(slot.slot) && slot.state->phase == SlotPhase::running) view.state = "RETIRING";
    view.last_exit = slot.state->last_exit;
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<WorkerView> Board::workers() const {
  std::vector<WorkerView> views = worker_states();
  size_t number = 0;
  for (const auto& slot : parts_.fleet.slots()) {
    WorkerView& view = views[number++];
    view.generation = slot.state->generation;
    view.pid = slot.state->pid;
    view.moving = parts_.shares.moving(slot.slot);
    view.channels = parts_.shares.channels(slot.slot);
    view.entries = parts_.shares.entries(slot.slot);
    view.restarts = slot.state->restarts;
    view.restarts_by_reason = *slot.restarts_by_reason;
    if (view.pid != 0) {
      view.uptime_s = seconds_since(slot.started_at);
      if (const auto use = process_use(view.pid)) {
        view.rss_bytes = use->rss_bytes;
        view.cpu_seconds = use->cpu_seconds;
      }
    }
    if (slot.books != nullptr)
      add_ledger(view, *slot.books, line_sums_.of(slot.slot, *slot.books), is_alive(*slot.state));
  }
  return views;
}

std::vector<WorkerView> Board::gone_slots() const {
  std::vector<WorkerView> views;
  for (const auto& [slot, gone] : parts_.books.gone()) {
    WorkerView view;
    view.slot = slot;
    view.state = "GONE";
    view.heir = gone.heir;
    if (gone.ledger) add_ledger(view, *gone.ledger, line_sums_.of(slot, *gone.ledger), false);
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<HostView> Board::hosts() const {
  HostSums sums;
  for (const auto& slot : parts_.fleet.slots())
    if (slot.ledger != nullptr) sums.add(*slot.ledger, slot.slot, is_alive(*slot.state));
  std::vector<HostView> views = std::move(sums).list();
  for (HostView& view : views) view.events_per_s = rates_.events_per_s(view.host);
  return views;
}

}  // namespace e2k::supervisor
