#include "supervisor/service.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "common/log.h"
#include "proto/command_record.h"
#include "supervisor/topic_rule.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

// How long a start waits for the command topic before it serves what the snapshot remembers.
constexpr milliseconds kSnapshotGrace{3000};
constexpr milliseconds kTick{1000};
constexpr milliseconds kDeparturePoll{20};
// A moved channel waits this long for its old worker's last acknowledgement; then order gives way to data.
constexpr int64_t kDepartureDeadlineMs = 30'000;
// At most one snapshot in this time while commands keep changing.
constexpr int64_t kSnapshotIntervalMs = 2000;
constexpr size_t kBurst = 1000;  // entries at once
constexpr int kTicksUntilTrim = 3;
constexpr uint32_t kWornIndices = ledger::kMaxEntries / 4 * 3;

std::vector<Slot> slots_of(const Config& config) {
  std::vector<Slot> slots;
  for (int i = 0; i < config.workers.count; ++i) slots.push_back(Slot{static_cast<uint16_t>(i)});
  return slots;
}

std::string producer_servers(const Config& config) {
  for (const Properties* side : {&config.kafka.producer, &config.kafka.common})
    if (const auto found = side->find("bootstrap.servers"); found != side->end())
      return found->second.secret ? "***" : found->second.value;
  return "localhost:9092";
}

}  // namespace

Service::Service(boost::asio::io_context& loop, const Config& config, StateDirectory& directory,
                 std::function<void()> stopped)
    : loop_(loop),
      config_(config),
      directory_(directory),
      stopped_(std::move(stopped)),
      started_at_(monotonic_now()),
      commands_(make_topic_rule(config.output.allow, config.output.topic_prefix, config.commands.topic),
                static_cast<size_t>(config.commands.max_channels)),
      shares_(slots_of(config),
              config.workers.affinity == WorkerAffinity::ioc ? Affinity::ioc : Affinity::none),
      tick_timer_(loop),
      grace_timer_(loop),
      departure_timer_(loop) {}

Service::~Service() {
  writer_.join();
}

Result<std::unique_ptr<Service>> Service::start(boost::asio::io_context& loop, const Config& config,
                                                StateDirectory& directory, std::function<void()> stopped) {
  std::unique_ptr<Service> service(new Service(loop, config, directory, std::move(stopped)));
  if (auto begun = service->begin(); !begun) return tl::unexpected(begun.error());
  return service;
}

Result<void> Service::begin() {
  const auto last = directory_.last_generation();
  if (!last) return tl::unexpected(last.error());
  if (auto restored = restore_snapshot(); !restored) return restored;

  Fleet::Callbacks fleet;
  fleet.welcomed = [this](Slot slot, Generation generation) { on_welcomed(slot, generation); };
  fleet.lost = [this](Slot slot, Generation, ExitCause, const std::string&) { on_lost(slot); };
  fleet.gave_up = [this](Slot, const std::string&) { judge_workers(); };
  fleet.all_stopped = [this] {
    tick_timer_.cancel();
    departure_timer_.cancel();
    tail_.reset();
    control_.reset();
    save_snapshot_if_due(true);
    stopped_();
  };
  auto made = Fleet::make(loop_, config_, Generation{last->value + 1}, std::move(fleet),
                          [this](Generation generation) {
                            if (auto kept = directory_.keep_generation(generation); !kept)
                              on_problem("STATE_DIRECTORY", kept.error().message);
                          });
  if (!made) return tl::unexpected(made.error());
  fleet_ = std::move(*made);

  auto control = ControlServer::start(loop_, config_, *this);
  if (!control) return tl::unexpected(control.error());
  control_ = std::move(*control);

  Tail::Callbacks tail;
  tail.record = [this](const TailRecord& record) { on_record(record); };
  tail.started_over = [this] { held_back_.clear(); };
  tail.batch_end = [this] { on_batch_end(); };
  tail.caught_up = [this](const std::map<int32_t, int64_t>& ends) { on_caught_up(ends); };
  tail.problem = [this](const std::string& code, const std::string& message) {
    if (!is_broker_problem(code)) return on_problem(code, message);
    broker_problems_.of_tail(code, message);
    judge_brokers();
  };
  auto tailing = Tail::start(loop_, config_, std::move(tail));
  if (!tailing) return tl::unexpected(tailing.error());
  tail_ = std::move(*tailing);

  fleet_->start();
  notify_.status("reading the command topic " + config_.commands.topic);
  tick();
  return {};
}

Result<void> Service::restore_snapshot() {
  auto loaded = load_snapshot(directory_.path());
  if (!loaded) {
    // A damaged snapshot is no reason to stand still: the topic holds everything that it did.
    log::warn("snapshot.unreadable error={}", log::quoted(loaded.error().message));
    return {};
  }
  if (!*loaded || (*loaded)->topic != config_.commands.topic) return {};
  for (const auto& key : (*loaded)->keys) commands_.restore(key);
  next_offsets_ = (*loaded)->next_offsets;
  shrank_ = (*loaded)->shrank;
  restored_ = true;
  commands_.visit([this](const EntryRef& entry) { dirty_.push_back(entry.id); });
  log::info("snapshot.restored entries={}", commands_.size());
  grace_timer_.expires_after(kSnapshotGrace);
  grace_timer_.async_wait([this](const error_code& error) {
    if (!error) serve_from_snapshot();
  });
  return {};
}

void Service::serve_from_snapshot() {
  if (serving_ || stopping_) return;
  on_problem("SNAPSHOT_ONLY",
             fmt::format("the command topic {} can't be read yet; what it held when it was last read is "
                         "being served",
                         config_.commands.topic));
  serving_ = true;
  reconcile();
}

// --- the command topic
// ----------------------------------------------------------------------------------------------

void Service::on_record(const TailRecord& record) {
  const bool complete = !tail_ || tail_->caught_up();
  if (complete || !(restored_ || serving_)) return fold(record);
  const auto copied = [](const std::optional<std::string_view>& text) {
    return text ? std::optional<std::string>(*text) : std::nullopt;
  };
  held_back_.push_back(
      {record.partition, record.offset, record.timestamp_ms, copied(record.key), copied(record.value)});
}

void Service::fold_held_back() {
  for (const HeldBack& held : held_back_) {
    const auto view = [](const std::optional<std::string>& text) {
      return text ? std::optional<std::string_view>(*text) : std::nullopt;
    };
    fold({held.partition, held.offset, held.timestamp_ms, view(held.key), view(held.value)});
  }
  held_back_ = {};
}

void Service::fold(const TailRecord& record) {
  std::vector<Change> changes;
  const uint64_t rejected = commands_.rejected_total();
  commands_.apply(record.partition, record.offset, record.timestamp_ms, record.key, record.value, changes);
  for (const Change& change : changes) dirty_.push_back(change.id);
  if (!changes.empty()) snapshot_due_ = true;
  int64_t& next = next_offsets_[record.partition];
  next = std::max(next, record.offset + 1);
  if (commands_.rejected_total() != rejected) {
    const Rejection& bad = commands_.rejections().back();
    log::warn("command.rejected partition={} offset={} key={} reason={}", bad.partition, bad.offset,
              log::quoted(bad.key), log::quoted(bad.reason));
  }
}

void Service::on_batch_end() {
  if (serving_ && tail_ && tail_->caught_up()) reconcile();
}

void Service::on_caught_up(const std::map<int32_t, int64_t>& ends) {
  grace_timer_.cancel();
  bool shrank = shrank_;
  if (restored_)
    for (const auto& [partition, end] : ends) {
      const auto known = next_offsets_.find(partition);
      shrank = shrank || (known != next_offsets_.end() && end < known->second);
    }
  fold_held_back();
  if (shrank) {
    // Remembered by the snapshot: a restart must not take for granted what this one would not do.
    on_problem(
        "COMMAND_TOPIC_SHRANK",
        fmt::format("the command topic {} ends before what was read of it earlier: it lost records, or is "
                    "another topic of that name. Nothing is removed. To go by what it holds now, stop the "
                    "service, remove {}/commands.snapshot and start it",
                    config_.commands.topic, directory_.path()));
  } else if (restored_) {
    std::vector<Change> changes;
    commands_.retire_unseen(changes);
    for (const Change& change : changes) dirty_.push_back(change.id);
  }
  log::info("commands.caught_up topic={} entries={} rejected={}", log::quoted(config_.commands.topic),
            commands_.size(), commands_.rejected_total());
  on_problem("SNAPSHOT_ONLY", "");
  serving_ = true;
  snapshot_due_ = true;
  reconcile();
}

void Service::on_problem(const std::string& code, const std::string& message) {
  if (code == "COMMAND_TOPIC_SHRANK" && !message.empty() && !shrank_) shrank_ = snapshot_due_ = true;
  switch (problems_.set(code, message, real_now())) {
    case Problems::Change::begun:
      log::warn("problem.begun code={} message={}", code, log::quoted(message));
      break;
    case Problems::Change::ended:
      log::info("problem.ended code={}", code);
      break;
    case Problems::Change::none:
      break;
  }
}

// --- the fleet
// ------------------------------------------------------------------------------------------------------

void Service::reconcile() {
  if ((dirty_.empty() && !hosts_changed_) || stopping_) return;
  hosts_changed_ = false;
  // While Kafka or a schema registry refuses a topic, its events can't leave the worker that has them.
  const auto stuck = [this](const Place& place) {
    const ledger::Entry* line = line_at(place);
    return line != nullptr &&
           line->publisher.blocked.load(std::memory_order_relaxed) != ledger::Blocked::no &&
           ledger::counts_of(*line).waiting != 0;
  };
  apply_orders(shares_.reconcile(commands_, dirty_, stuck));
  if (dirty_.size() >= kBurst) ticks_since_burst_ = 0;
  dirty_.clear();
  dirty_.shrink_to_fit();
}

void Service::apply_orders(Shares::Orders orders) {
  for (auto& [slot, items] : orders.items) fleet_->assign(slot, std::move(items));
  if (orders.departures.empty()) return;
  std::map<Slot, Generation> generations;
  for (const auto& view : fleet_->slots()) generations[view.slot] = view.state->generation;
  const MonotonicNs deadline{monotonic_now().value + kDepartureDeadlineMs * kNsPerMs};
  for (const auto& departure : orders.departures) {
    const auto entry = commands_.find(departure.id);
    departing_.push_back({departure, generations[departure.from.slot], deadline,
                          entry && !departure.renewed ? entry->offset : -1});
  }
  release_departed();
}

// An index never changes its meaning within a generation, so that years of changes use them up. A worker that
// has few left and serves few entries is restarted, which begins again from 0.
void Service::renew_worn_workers() {
  for (const auto& view : fleet_->slots()) {
    if (view.state->phase != SlotPhase::running) continue;
    if (shares_.indices_given(view.slot) < kWornIndices || shares_.entries(view.slot) >= kWornIndices / 2)
      continue;
    log::info("worker.renewed worker={} reason=\"its entry numbers run out\"", view.slot.value);
    fleet_->restart(view.slot);
  }
}

bool Service::has_departed(const Shares::Departure& departure,
                           const std::vector<Fleet::SlotView>& slots) const {
  for (const auto& view : slots) {
    if (view.slot != departure.from.slot || view.ledger == nullptr) continue;
    if (view.unapplied_items != 0) return false;
    const auto* line = view.ledger->entry(departure.from.index);
    return line == nullptr || ledger::counts_of(*line).waiting == 0;
  }
  return true;
}

void Service::release_departed() {
  // Once for all: a hundred thousand may be on their way.
  const std::vector<Fleet::SlotView> slots = fleet_->slots();
  std::map<Slot, Generation> living;
  for (const auto& view : slots)
    if (view.state->pid != 0) living[view.slot] = view.state->generation;
  const MonotonicNs now = monotonic_now();
  std::map<Slot, std::vector<AssignItem>> items;
  std::erase_if(departing_, [&](const Departed& d) {
    const auto alive = living.find(d.departure.from.slot);
    const bool same = alive != living.end() && alive->second == d.generation;
    const bool late = now > d.deadline;
    if (same && !late && !has_departed(d.departure, slots)) return false;
    if (same && late)
      log::warn("channel.moved_late worker={} message=\"its old worker still has events waiting\"",
                d.departure.from.slot.value);
    if (harvest(d)) snapshot_due_ = true;
    if (auto add = shares_.release(d.departure.id, commands_))
      items[add->first].push_back(std::move(add->second));
    return true;
  });
  for (auto& [slot, batch] : items) fleet_->assign(slot, std::move(batch));
  if (departing_.empty() || stopping_) return;
  departure_timer_.expires_after(kDeparturePoll);
  departure_timer_.async_wait([this](const error_code& error) {
    if (!error) release_departed();
  });
}

void Service::on_welcomed(Slot slot, Generation generation) {
  auto items = shares_.serve_anew(slot, commands_);
  log::info("worker.assigned worker={} generation={} entries={}", slot.value, generation.value, items.size());
  if (items.size() >= kBurst) ticks_since_burst_ = 0;
  if (!items.empty()) fleet_->assign(slot, std::move(items));
  judge_workers();
}

void Service::on_lost(Slot) {
  harvest_reports();
  judge_workers();
}

void Service::judge_workers() {
  if (stopping_) return;
  std::string failed, failing;
  for (const auto& view : fleet_->slots()) {
    const std::string slot = std::to_string(view.slot.value);
    switch (view.state->phase) {
      case SlotPhase::failed:
        failed += fmt::format("worker {} is not started again: {}; mend it, then epics2kafkactl restart {}. ",
                              slot, view.state->last_exit, slot);
        break;
      case SlotPhase::backoff:
        failing += fmt::format("worker {} is down: {}; it is started again. ", slot, view.state->last_exit);
        break;
      case SlotPhase::unresponsive:
      case SlotPhase::killing:
        failing += fmt::format("worker {} does not answer; it is killed and started again. ", slot);
        break;
      case SlotPhase::idle:
      case SlotPhase::starting:
        // After a failure it is well again only when it has greeted.
        if (view.state->failures > 0)
          failing += fmt::format("worker {} is being started again after: {}. ", slot, view.state->last_exit);
        break;
      case SlotPhase::running:
      case SlotPhase::stopping:
      case SlotPhase::stopped:
        break;
    }
  }
  on_problem("WORKER_FAILED", failed);
  on_problem("SCHEMA_REGISTRY", schema_problem());
  on_problem("WORKER_FAILING", failing);
  judge_brokers();
}

void Service::judge_brokers() {
  std::vector<BrokerProblems::OfWorker> workers;
  for (const auto& view : fleet_->slots())
    if (view.heartbeat)
      workers.push_back({view.slot.value, view.heartbeat->brokers_up, view.heartbeat->kafka_error});
  broker_problems_.of_workers(workers, producer_servers(config_));
  for (const auto& [code, message] : broker_problems_.judged()) on_problem(code, message);
}

// What the workers say of the registry; one that says the same as another is told once.
std::string Service::schema_problem() const {
  std::string text;
  for (const auto& view : fleet_->slots()) {
    if (!view.heartbeat || view.heartbeat->schema_problem.empty()) continue;
    if (text.find(view.heartbeat->schema_problem) != std::string::npos) continue;
    text += (text.empty() ? "" : "; ") + view.heartbeat->schema_problem;
  }
  return text.empty() ? "" : text + ". Events of its topics wait in the spool";
}

// --- once a second
// --------------------------------------------------------------------------------------------------

void Service::tick() {
  notify_.alive();
  const ServiceState now = state();
  if (now != ServiceState::starting) notify_.ready();
  if (now == ServiceState::running || now == ServiceState::degraded)
    notify_.status(fmt::format("{}: {} channels on {} workers", to_string(now), commands_.size(),
                               config_.workers.count));
  const std::vector<HostView> iocs = hosts();
  if (!stopping_) judge_iocs_of(iocs);
  for (const HostView& host : iocs) {
    auto& [count, rate] = host_events_[host.host];
    rate = host.events >= count ? static_cast<double>(host.events - count) * 1000.0 / kTick.count() : 0;
    count = host.events;
  }
  harvest_reports();
  save_snapshot_if_due(false);
  trim_memory_after_burst();
  judge_workers();
  if (stopping_) return;
  learn_hosts();
  renew_worn_workers();
  tick_timer_.expires_after(kTick);
  tick_timer_.async_wait([this](const error_code& error) {
    if (!error) tick();
  });
}

// Messages, assignments and the snapshot of many commands at once are gone by then; what they leave lies
// between blocks that live on, where glibc gives nothing back by itself.
void Service::trim_memory_after_burst() {
  if (++ticks_since_burst_ == kTicksUntilTrim) ::malloc_trim(0);
}

// What workers reported of a command must outlive them: no restart repeats an error record.
void Service::harvest_reports() {
  bool news = false;
  commands_.visit([&](const EntryRef& entry) {
    if (const ledger::Entry* line = line_of(entry.id))
      news |= commands_.learn(entry.id, line->ca.flags.load(std::memory_order_relaxed));
  });
  for (const Departed& departed : departing_) news |= harvest(departed);
  if (news) snapshot_due_ = true;
}

// Of an entry that is between two workers the old one's line is the last word, for the command it served.
bool Service::harvest(const Departed& departed) {
  const Place& from = departed.departure.from;
  const ledger::LedgerReader* reader = fleet_->ledger(from.slot);
  const auto entry = commands_.find(departed.departure.id);
  if (reader == nullptr || reader->header().generation != departed.generation.value) return false;
  if (!entry || entry->offset != departed.command_offset) return false;
  const ledger::Entry* line = reader->entry(from.index);
  return line != nullptr && commands_.learn(entry->id, line->ca.flags.load(std::memory_order_relaxed));
}

void Service::save_snapshot_if_due(bool now) {
  const MonotonicNs time = monotonic_now();
  if (!snapshot_due_ || !serving_) return;
  // The last one queues behind one that is being written: the writer is a single thread.
  if (!now && snapshot_running_) return;
  if (!now && time.value - snapshot_saved_at_.value < kSnapshotIntervalMs * kNsPerMs) return;
  snapshot_due_ = false;
  snapshot_saved_at_ = time;
  Snapshot snapshot;
  snapshot.topic = config_.commands.topic;
  snapshot.next_offsets = next_offsets_;
  snapshot.shrank = shrank_;
  commands_.visit_keys([&](const CommandState::LiveKey& key) { snapshot.keys.push_back(key); });
  snapshot_running_ = true;
  boost::asio::post(writer_, [this, last = stopping_, snapshot = std::move(snapshot)] {
    const auto saved = save_snapshot(directory_.path(), snapshot);
    // After the last one the loop no longer runs.
    if (last && !saved) log::error("snapshot.not_saved error={}", log::quoted(saved.error().message));
    boost::asio::post(loop_, [this, saved] {
      snapshot_running_ = false;
      on_problem("STATE_DIRECTORY", saved ? "" : saved.error().message);
      if (!saved) snapshot_due_ = true;
    });
  });
}

void Service::stop() {
  if (stopping_) return;
  stopping_ = true;
  log::info("service.stopping");
  notify_.stopping();
  grace_timer_.cancel();
  harvest_reports();
  fleet_->stop();
}

ServiceState Service::state() const {
  if (stopping_) return ServiceState::stopping;
  if (!serving_) return ServiceState::starting;
  for (const auto& view : fleet_->slots()) {
    const bool first = view.state->restarts == 0 && view.state->last_cause == ExitCause::none;
    if (first && (view.state->phase == SlotPhase::starting || view.state->phase == SlotPhase::idle))
      return ServiceState::starting;
  }
  return problems_.empty() ? ServiceState::running : ServiceState::degraded;
}

}  // namespace e2k::supervisor
