#include "supervisor/fleet/briefing.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/clock.h"
#include "common/process_use.h"
#include "common/version.h"
#include "supervisor/fleet/contract_of.h"
#include "supervisor/fleet/worker_records.h"
#include "supervisor/settings/live.h"

namespace e2k::supervisor {
namespace {

constexpr int kOomScoreRaise = 300;
// A worker without an IOC holds some 40. One that runs out of them dies of it, over channels that are
// innocent.
constexpr uint64_t kFewestDescriptors = 128;
// A longer list of held channels is told once: ipc loses nothing while its queue is not full.
constexpr size_t kHeldRepeated = 4096;

}  // namespace

Briefing::Briefing(const Config& config, const std::string& program, Link& link, Roster& roster)
    : config_(config), program_(program), link_(link), roster_(roster), log_level_(config.log_level) {}

void Briefing::set_log_level(const std::string& level, std::optional<Slot> slot) {
  if (!slot) log_level_ = level;
  for (const auto& w : roster_.all()) {
    if (slot && *slot != w->slot) continue;
    if (slot)
      w->log_level = level;
    else
      w->log_level.reset();
    tell_log_level(*w);
  }
}

void Briefing::set_paused(bool paused) {
  paused_ = paused;
  for (const auto& w : roster_.all()) tell_pause(*w);
}

void Briefing::set_held(const std::string& channels) {
  held_ = channels;
  for (const auto& w : roster_.all()) tell_held(*w);
}

LaunchRequest Briefing::request_for(const Worker& w, Generation generation,
                                    Fleet::LaunchExtras extras) const {
  LaunchRequest request;
  request.program = program_;
  request.arguments = {"--launch-fd", std::to_string(kLaunchFd), "--slot", std::to_string(w.slot.value)};
  request.oom_score_raise = kOomScoreRaise;
  request.fewest_descriptors = kFewestDescriptors;
  if (!config_.instance.empty())
    request.arguments.insert(request.arguments.end(), {"--instance", config_.instance});
  LaunchContract contract = contract_for(w, generation);
  contract.paused = paused_;
  contract.held_channels = held_;
  contract.fresh_books = extras.fresh_books;
  contract.estates = std::move(extras.estates);
  request.contract = encode(contract);
  return request;
}

LaunchContract Briefing::contract_for(const Worker& w, Generation generation) const {
  LaunchContract contract =
      contract_of(config_, w.slot, generation, w.token, link_.endpoint(), static_cast<int32_t>(getpid()));
  contract.log_level = log_level_of(w);
  // What its predecessor had, because it kept more than it was told to from before others came: it gives that
  // up as it gets rid of it.
  if (w.previous) {
    const auto had =
        static_cast<int64_t>(w.previous->header().spool_max_bytes.load(std::memory_order_relaxed));
    contract.spool_max_bytes =
        std::max(contract.spool_max_bytes, std::min(had, config_.spool.max_total_bytes));
  }
  return contract;
}

const std::string& Briefing::log_level_of(const Worker& w) const {
  return w.log_level ? *w.log_level : log_level_;
}

void Briefing::note_launch(Worker& w, Generation generation) {
  w.record = {};
  w.record.slot = w.slot;
  w.record.generation = generation;
  w.record.pid = w.process->pid;
  if (const auto use = process_use(w.process->pid)) w.record.start_ticks = use->start_ticks;
  w.record.token = w.token;
  w.record.settings = settings_digest(contract_for(w, generation));
  w.record.log_level = log_level_of(w);
  w.record.started_real_ns = real_now().value;
  w.record.restarts = w.state.restarts;
  w.record.restarts_by_reason = w.restarts_by_reason;
  w.record.last_cause = w.state.last_cause;
  w.record.last_exit = w.state.last_exit;
  keep_record(config_, w.record);
}

void Briefing::judge_settings(Worker& w, const Hello& hello) const {
  const LaunchedWith with{w.record.settings, w.record.log_level, hello.program_version};
  w.is_outdated = reach(with, contract_for(w, w.state.generation), release()) == Reach::replacement;
}

void Briefing::send(const Worker& w, const SupervisorMessage& message) const {
  link_.send(w.slot, w.state.generation, encode(message, w.control_version));
}

Welcome Briefing::welcome(const Worker& w) const {
  return {w.conversation, config_.workers.lease_s, config_.workers.drain_timeout_ms};
}

void Briefing::tell_all(Worker& w) {
  tell_pause(w);
  tell_held(w);
  tell_spool_share(w);
  tell_log_level(w);
}

void Briefing::tell_again(const Worker& w) const {
  tell_pause(w);
  if (held_.size() <= kHeldRepeated) tell_held(w);
  tell_spool_share(w);
}

void Briefing::tell_pause(const Worker& w) const {
  if (w.welcomed) send(w, SetPaused{paused_});
}

void Briefing::tell_held(const Worker& w) const {
  if (w.welcomed) send(w, SetHeld{held_});
}

void Briefing::share_spool() const {
  for (const auto& w : roster_.all()) tell_spool_share(*w);
}

void Briefing::tell_spool_share(const Worker& w) const {
  if (w.welcomed && w.control_version >= kSpoolShareControlVersion)
    send(w, SetSpoolShare{spool_share(config_)});
}

void Briefing::tell_log_level(Worker& w) {
  const std::string& level = log_level_of(w);
  if (!w.welcomed || w.record.log_level == level) return;
  send(w, SetLogLevel{level});
  w.record.log_level = level;
  keep_record(config_, w.record);
}

}  // namespace e2k::supervisor
