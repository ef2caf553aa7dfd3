#include "supervisor/service.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>
#include <utility>

#include "common/log.h"
#include "common/time_grid.h"
#include "proto/command_record.h"
#include "supervisor/commands/command_problems.h"
#include "supervisor/fleet/worker_records.h"
#include "supervisor/topic_rule.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

// How long a start waits for the command topic before it serves what the snapshot remembers, and how long
// nothing of the topic may come before that is a reason.
constexpr milliseconds kSnapshotGrace{300}, kUntilSnapshotOnly{2500};
constexpr milliseconds kTick{1000};
constexpr int kTicksUntilTrim = 3;
// The part of a topic that tells how many keys it has: a twentieth, and no more than can be put into larger
// tables within a turn.
constexpr size_t kFirstPart = 20, kMostOfFirstPart = 10'000;
// Of a turn that settles what the command topic held: some milliseconds.
constexpr size_t kSettledAtOnce = 1000, kBucketsRetiredAtOnce = 20'000;

std::vector<Slot> slots_of(const Config& config) {
  std::vector<Slot> slots;
  for (int i = 0; i < config.workers.count; ++i) slots.push_back(Slot{static_cast<uint16_t>(i)});
  return slots;
}

}  // namespace

Service::Service(boost::asio::io_context& loop, const Config& config, StateDirectory& directory,
                 SpoolDirectory& spool, std::function<void()> stopped)
    : loop_(loop),
      config_(config),
      directory_(directory),
      stopped_(std::move(stopped)),
      commands_(make_topic_rule(config.output.allow, config.output.topic_prefix, config.commands.topic),
                static_cast<size_t>(config.commands.max_channels)),
      replay_([this](const TopicRecord& record) { return commands_.look(record); }),
      shares_(slots_of(config),
              config.workers.affinity == WorkerAffinity::ioc ? Affinity::ioc : Affinity::none),
      books_(config, spool),
      reasons_(config.status.mute),
      watchdog_(loop),
      wanted_workers_(static_cast<size_t>(config.workers.count)),
      search_problems_(config.status.nothing_connected_after_s * kNsPerSecond),
      tick_timer_(loop),
      sweep_timer_(loop),
      snapshot_timer_(loop),
      grace_timer_(loop),
      handover_timer_(loop),
      reconcile_timer_(loop),
      tell_timer_(loop),
      lost_timer_(loop),
      settle_timer_(loop),
      search_timer_(loop) {}

Service::~Service() {
  writer_.join();
  planner_.join();
}

Service::Parts Service::real_parts(boost::asio::io_context& loop, const Config& config) {
  Parts parts;
  parts.make_fleet = [&](Generation first, Fleet::Callbacks callbacks,
                         std::function<void(Generation)> generation_used) {
    return Fleet::make(loop, config, first, std::move(callbacks), std::move(generation_used));
  };
  parts.start_tail = [&](Tail::Callbacks callbacks) {
    return Tail::start(loop, config, std::move(callbacks));
  };
  parts.found_slots = [&] {
    std::vector<Slot> slots;
    for (const FoundWorker& found : find_workers(config)) slots.push_back(found.record.slot);
    return slots;
  };
  return parts;
}

Result<std::unique_ptr<Service>> Service::start(boost::asio::io_context& loop, const Config& config,
                                                StateDirectory& directory, SpoolDirectory& spool,
                                                const Parts& parts, std::function<void()> stopped) {
  std::unique_ptr<Service> service(new Service(loop, config, directory, spool, std::move(stopped)));
  if (auto begun = service->begin(parts); !begun) return tl::unexpected(begun.error());
  return service;
}

Result<void> Service::begin(const Parts& parts) {
  const auto last = directory_.last_generation();
  if (!last) return tl::unexpected(last.error());
  const std::vector<Slot> surplus = enter_surplus(parts);
  // Each takes half a second with a million entries, and knows nothing of the other.
  auto opening = std::async(std::launch::async, [this] { return books_.open(shares_.lines()); });
  const bool restored = restore_snapshot();
  const auto spool = opening.get();
  if (!spool) return tl::unexpected(spool.error());
  if (restored) wait_to_serve_snapshot();
  // A state directory that was lost must not give a log's number away again.
  const Generation used = std::max(*last, spool->last_generation);

  auto made = parts.make_fleet(Generation{used.value + 1}, fleet_callbacks(), [this](Generation generation) {
    last_generation_ = generation;
    keep_generation();
  });
  if (!made) return tl::unexpected(made.error());
  fleet_ = std::move(*made);
  for (const Slot slot : surplus) fleet_->add(slot);
  restore_quarantine();
  ledgers_ = std::make_unique<Ledgers>(*fleet_, books_);
  harvest_ = std::make_unique<Harvest>(config_, commands_, shares_, *fleet_, books_);
  board_ = std::make_unique<Board>(
      Board::Parts{config_, commands_, replay_, shares_, *fleet_, books_, *ledgers_, reasons_, quarantine_,
                   [this] { return tail_ ? tail_->last_error() : ""; },
                   [this](Slot slot) { return leaving_.contains(slot); }, parts.longest_turn_s,
                   [this](EntryId id) { return move_of(id); }});
  rolling_upto_ = directory_.rolling_upto();
  const bool paused = directory_.is_paused();
  fleet_->set_paused(paused);
  board_->set_paused(paused);
  if (paused) log::info("service.paused message=\"events wait in the spool until epics2kafkactl resume\"");

  auto control = ControlServer::start(loop_, config_, *this);
  if (!control) return tl::unexpected(control.error());
  control_ = std::move(*control);

  auto tailing = parts.start_tail(tail_callbacks());
  if (!tailing) return tl::unexpected(tailing.error());
  tail_ = std::move(*tailing);

  fleet_->start();
  take_loans_along();
  notify_.status("reading the command topic " + config_.commands.topic);
  tick();
  sweep();
  return {};
}

std::vector<Slot> Service::enter_surplus(const Parts& parts) {
  std::vector<Slot> surplus;
  for (const Slot slot : parts.found_slots())
    if (slot.value >= wanted_workers_) surplus.push_back(slot);
  for (const Slot slot : surplus) {
    books_.enter(slot, shares_.lines());
    shares_.add_slot(slot);
  }
  return surplus;
}

Fleet::Callbacks Service::fleet_callbacks() {
  Fleet::Callbacks fleet;
  fleet.launching = [this](Slot slot) { return on_launching(slot); };
  fleet.welcomed = [this](Slot slot, Generation generation) { on_welcomed(slot, generation); };
  fleet.adopted = [this](Slot slot, Generation generation) { on_adopted(slot, generation); };
  fleet.adoption_over = [this] {
    resize_fleet();  // others take over from those that are too many
    if (replay_.serving()) reconcile();
  };
  fleet.lost = [this](const Obituary& worker) { on_lost(worker); };
  fleet.gave_up = [this](Slot slot, const std::string&) { on_gave_up(slot); };
  fleet.retired = [this](Slot slot) { on_retired(slot); };
  fleet.outdated = [this](Slot slot) {
    rolling_.add(slot);
    boost::asio::post(loop_, [this] { roll_on(); });
  };
  fleet.all_stopped = [this] {
    tick_timer_.cancel();
    sweep_timer_.cancel();
    snapshot_timer_.cancel();
    handover_timer_.cancel();
    reconcile_timer_.cancel();
    tell_timer_.cancel();
    lost_timer_.cancel();
    settle_timer_.cancel();
    search_timer_.cancel();
    tail_.reset();
    control_.reset();
    save_snapshot_at_the_end();
    stopped_();
  };
  return fleet;
}

// false: there is none that is of use.
bool Service::restore_snapshot() {
  SnapshotVisitor visitor;
  visitor.begins = [this](std::string_view topic, size_t keys) {
    if (topic != config_.commands.topic) return false;
    commands_.expect(keys);
    return true;
  };
  visitor.key = [this](const CommandState::LiveKey& key) { commands_.restore(key); };
  auto loaded = load_snapshot(directory_.path(), visitor);
  if (!loaded) {
    // A damaged snapshot is no reason to stand still: the topic holds everything that it did.
    commands_.clear();
    log::warn("snapshot.unreadable error={}", log::quoted(loaded.error().message));
    return false;
  }
  if (!*loaded) return false;
  for (const std::string& raw : (*loaded)->ended) commands_.discard(raw);
  replay_.restore(
      {std::move((*loaded)->next_offsets), std::move((*loaded)->log), (*loaded)->shrank, (*loaded)->renewed});
  return true;
}

void Service::wait_to_serve_snapshot() {
  shares_.expect(commands_.size());
  commands_.visit([this](const EntryRef& entry) { shares_.touch(entry.id); });
  log::info("snapshot.restored entries={}", commands_.size());
  grace_timer_.expires_after(kSnapshotGrace);
  grace_timer_.async_wait([this](const error_code& error) {
    if (!error) serve_from_snapshot();
  });
}

void Service::serve_from_snapshot() {
  if (stopping_ || !replay_.serve_restored()) return;
  log::info("snapshot.served entries={}", commands_.size());
  reconcile();
  judge_snapshot(replay_.offset());
}

// A topic that is being read needs no word; `before`: how far it was when last looked.
void Service::judge_snapshot(int64_t before) {
  grace_timer_.expires_after(kUntilSnapshotOnly);
  grace_timer_.async_wait([this, before](const error_code& error) {
    if (error || stopping_ || replay_.live()) return;
    if (replay_.offset() == before)
      tell(ReasonCode::snapshot_only,
           fmt::format("the command topic {} can't be read yet; what it held when it was last read is "
                       "being served",
                       config_.commands.topic));
    judge_snapshot(replay_.offset());
  });
}

// --- the command topic
// ----------------------------------------------------------------------------------------------

Tail::Callbacks Service::tail_callbacks() {
  Tail::Callbacks tail;
  tail.reading = [this](std::span<const int32_t> partitions, const TopicLog& log) {
    replay_.reading(partitions, log);
    commands_.read_log(replay_.log_number(), replay_.has_several_partitions());
    judge_replay();
  };
  tail.expecting = [this](size_t records) { records_ = records; };
  tail.record = [this](const TopicRecord& record) {
    const bool is_new = replay_.live();
    const bool counts = replay_.take(record);
    commands_.read_log(replay_.log_number(), replay_.has_several_partitions());
    if (counts) fold(record, is_new);
  };
  tail.end = [this](int32_t partition, int64_t offset) {
    if (replay_.end(partition, offset)) on_all_read();
  };
  tail.started_over = [this] {
    replay_.start_over();
    commands_.read_log(replay_.log_number(), replay_.has_several_partitions());
  };
  tail.batch_end = [this] { on_batch_end(); };
  tail.problem = [this](ReasonCode code, const std::string& message) {
    if (kind_of(code).owner == ReasonOwner::tail) return tell(code, message);
    broker_problems_.of_tail(code, message);
    judge_brokers();
  };
  tail.unknown = [this](const std::string& message) {
    if (message == board_->commands_note()) return;
    board_->note_commands(message);
    if (!message.empty()) log::info("commands.settings_hidden message={}", log::quoted(message));
  };
  return tail;
}

// `is_new`: it came after the topic had been read to its end.
void Service::fold(const TopicRecord& record, bool is_new) {
  std::vector<Change> changes;
  const uint64_t rejected = commands_.rejected_total();
  commands_.apply(record.partition, record.offset, record.timestamp_ms, record.key, record.value, changes);
  for (const Change& change : changes) {
    shares_.touch(change.id);
    if (quarantine_.empty() || !is_new || change.kind == Change::Kind::removed) continue;
    if (const auto entry = commands_.find(change.id)) take_back(entry->channel, "it was commanded anew");
  }
  if (!changes.empty()) snapshot_due_ = true;
  if (commands_.rejected_total() != rejected) {
    const Rejection& bad = commands_.rejections().back();
    log::warn("command.rejected partition={} offset={} key={} reason={}", bad.partition, bad.offset,
              log::quoted(bad.key), log::quoted(bad.reason));
  }
}

// What the first part of a topic held tells about how many keys all of it holds: many of its records may be
// of the same ones, or compacted away.
void Service::expect_keys() {
  if (records_ == 0 || replay_.phase() != Replay::Phase::replaying) return;
  int64_t read = replay_.offset();
  for (const auto& [partition, begin] : replay_.log().begins) read -= begin;
  if (read <= 0 || static_cast<size_t>(read) < std::min(records_ / kFirstPart, kMostOfFirstPart)) return;
  const size_t keys = commands_.keys() * (std::exchange(records_, 0) / static_cast<size_t>(read) + 1);
  commands_.expect(std::min(keys, static_cast<size_t>(config_.commands.max_channels)));
}

void Service::on_batch_end() {
  expect_keys();
  judge_replay();
  judge_commands();
  if (replay_.live()) reconcile();
}

void Service::on_all_read() {
  grace_timer_.cancel();
  is_retired_ = !replay_.is_over_a_state();
  is_retiring_ = false;
  commands_.begin_retiring();
  settle_replay();
}

// What was held back, then what of the state the topic does not hold; what came meanwhile is held back, too.
void Service::settle_replay() {
  if (stopping_ || !replay_.settling()) return;  // it is being read anew
  while (replay_.holds() || !is_retired_) {
    const bool goes_on = is_retiring_ || !replay_.holds() ? retire() : settle_held();
    if (!goes_on) continue;
    settle_timer_.expires_after(milliseconds(0));
    settle_timer_.async_wait([this](const error_code& error) {
      if (!error) settle_replay();
    });
    return;
  }
  on_caught_up();
}

// Both: a slice, and whether there is more.
bool Service::settle_held() {
  for (const HeldRecord& held : replay_.release(kSettledAtOnce)) fold(held.record(), false);
  return replay_.holds();
}

bool Service::retire() {
  std::vector<Change> changes;
  is_retired_ = commands_.retire_unseen(kBucketsRetiredAtOnce, replay_.may_remove(), changes);
  is_retiring_ = !is_retired_;
  for (const Change& change : changes) shares_.touch(change.id);
  return is_retiring_;
}

void Service::on_caught_up() {
  replay_.settled();
  shares_.expect(commands_.size());
  log::info("commands.caught_up topic={} entries={} rejected={}", log::quoted(config_.commands.topic),
            commands_.size(), commands_.rejected_total());
  judge_replay();
  judge_commands();
  tell(ReasonCode::snapshot_only, "");
  take_back_commanded_anew();
  snapshot_due_ = true;
  reconcile();
}

// Remembered by the snapshot: a restart must not take for granted what this run would not do.
void Service::judge_replay() {
  const auto remember = [this](ReasonCode code, const std::string& what) {
    if (!reasons_.has(code)) snapshot_due_ = true;
    tell(code,
         fmt::format("{}. What it holds is followed, nothing is removed. To go by what it holds now, stop "
                     "the service, remove {}/commands.snapshot and start it",
                     what, directory_.path()));
  };
  if (replay_.has_lost_records())
    remember(ReasonCode::command_topic_shrank, fmt::format("the command topic {} lost records: {}",
                                                           config_.commands.topic, replay_.lost_records()));
  // Not before its end: until then it may hold all that it held.
  if (replay_.is_renewed() && replay_.live())
    remember(ReasonCode::command_topic_renewed, fmt::format("the command topic {} was made anew: {}",
                                                            config_.commands.topic, replay_.renewed()));
}

void Service::judge_commands() {
  const std::string& topic = config_.commands.topic;
  tell(ReasonCode::commands_rejected, rejected_commands_text(topic, commands_.rejections()));
  tell(ReasonCode::command_topic_partitions,
       split_keys_text(topic, commands_.split_keys(), commands_.split_example()));
}

void Service::tell(ReasonCode code, const std::string& message, std::optional<ReasonCode> because) {
  switch (reasons_.tell(code, message, real_now(), because)) {
    case Reasons::Change::begun:
      log::warn("problem.begun code={} message={}", to_string(code), log::quoted(message));
      break;
    case Reasons::Change::ended:
      log::info("problem.ended code={}", to_string(code));
      break;
    case Reasons::Change::none:
      break;
  }
}

void Service::note_kept(StateProblems::Thing thing, const Result<void>& kept) {
  state_problems_.note(thing, kept ? "" : kept.error().message);
  tell(ReasonCode::state_directory, state_problems_.judged());
}

// --- once a second
// --------------------------------------------------------------------------------------------------

void Service::tick() {
  tell_service_manager();
  if (!stopping_) judge_hosts();
  board_->look(std::chrono::duration<double>(kTick).count());
  books_.refresh();
  judge_spools();
  save_snapshot_if_due();
  trim_memory_after_burst();
  judge_slots();
  note_changes();
  if (control_) control_->feed();
  if (stopping_) return;
  bring_hosts_together();
  renew_worn_workers();
  replace_large_workers();
  even_out_later();
  end_loans();
  begin_loans();
  retire_emptied();
  restart_emptied();
  ask_heirs();
  tick_timer_.expires_at(
      time_point_of(next_on_grid(monotonic_now(), std::chrono::nanoseconds(kTick).count())));
  tick_timer_.async_wait([this](const error_code& error) {
    if (!error) tick();
  });
}

void Service::tell_service_manager() {
  const ServiceState now = board_->state();
  // By then everything that is known was assigned.
  if (now != ServiceState::starting && !fleet_->is_adopting() && !shares_.is_behind() &&
      !shares_.is_telling())
    notify_.ready();
  if (now == ServiceState::starting || now == ServiceState::stopping) return;
  std::string text =
      fmt::format("{}: {} channels on {} workers", to_string(now), commands_.size(), fleet_->slots().size());
  if (reload_ != nullptr && reload_->view().state == ReloadState::refused) {
    const std::string& why = reload_->view().message;
    text += "; the last reload was refused: " + why.substr(0, why.find('\n'));
  }
  notify_.status(text);
}

// Messages, assignments and the snapshot of many commands at once are gone by then; what they leave lies
// between blocks that live on, where glibc gives nothing back by itself.
void Service::trim_memory_after_burst() {
  if (++ticks_since_burst_ == kTicksUntilTrim) ::malloc_trim(0);
}

void Service::stop() {
  if (stopping_) return;
  stopping_ = true;
  board_->set_stopping();
  log::info("service.stopping");
  notify_.stopping();
  grace_timer_.cancel();
  for (const auto& view : fleet_->slots()) {
    lost_[view.slot] = 0;
    note_lost(view.slot, SIZE_MAX);
  }
  fleet_->stop();
}

}  // namespace e2k::supervisor
