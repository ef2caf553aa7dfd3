#include "supervisor/fleet/fleet.h"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <filesystem>
#include <random>
#include <utility>

#include "common/log.h"
#include "common/time_grid.h"
#include "common/version.h"
#include "supervisor/fleet/briefing.h"
#include "supervisor/fleet/contract_of.h"
#include "supervisor/fleet/launcher.h"
#include "supervisor/fleet/link.h"
#include "supervisor/fleet/log_budget.h"
#include "supervisor/fleet/pings.h"
#include "supervisor/fleet/repeater.h"
#include "supervisor/fleet/roster.h"
#include "supervisor/fleet/slot_life.h"
#include "supervisor/fleet/thread_states.h"
#include "supervisor/fleet/worker_records.h"

namespace e2k::supervisor {
namespace {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

// Every turn looks for assignments that have to be said again.
constexpr auto kTurn = std::chrono::milliseconds(500);
constexpr int64_t kPausedDrainMs = 1000;
// Found workers are asked so often: they reconnect when they do.
constexpr auto kAskAgain = std::chrono::milliseconds(20);

uint64_t conversation_number() {
  std::random_device random;
  return uint64_t{random()} << 32 | random() | 1;
}

class ProcessFleet final : public Fleet {
public:
  ProcessFleet(asio::io_context& loop, const Config& config, std::string program, Generation first_generation,
               Callbacks callbacks, std::function<void(Generation)> generation_used)
      : loop_(loop),
        turn_timer_(loop),
        ask_timer_(loop),
        config_(config),
        program_(std::move(program)),
        next_generation_(first_generation),
        callbacks_(std::move(callbacks)),
        generation_used_(std::move(generation_used)),
        settings_(slot_settings_of(config)),
        repeater_(Repeater::make(loop, program_, config_.epics)),
        roster_(loop, config_) {}

  ~ProcessFleet() override { *alive_ = false; }

  Result<void> open_link() {
    auto link = Link::make(loop_, config_.runtime_directory + "/link.sock",
                           [this](Slot slot, Generation generation, WorkerMessage& message) {
                             receive(slot, generation, message);
                           });
    if (!link) return tl::unexpected(link.error());
    link_ = std::move(*link);
    briefing_.emplace(config_, program_, *link_, roster_);
    return {};
  }

  void start() override {
    adopt();
    turn();
    repeater_->start([this, alive = alive_] {
      if (!*alive || stopping_) return;
      started_ = true;
      for (Worker* const w : std::vector(roster_.all()))
        if (!w->retires) on(*w, StartRequested{});
    });
  }

  void stop() override {
    stopping_ = true;
    for (Worker* const w : std::vector(roster_.all())) on(*w, StopRequested{});
    report_when_all_stopped();
  }

  void assign(Slot slot, std::vector<AssignItem> items) override {
    Worker& w = roster_.at(slot);
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    w.outbox.add(std::move(items));
    pump(w);
  }

  void add(Slot slot) override {
    Worker& w = roster_.add(slot);
    count_workers();
    if (started_ && !stopping_) on(w, StartRequested{});
  }

  void set_spares(const std::set<Slot>& slots) override {
    if (std::exchange(spares_, slots) != slots) count_workers();
  }

  void retire(Slot slot) override {
    Worker* const w = roster_.find(slot);
    if (w == nullptr || w->retires) return;
    w->retires = true;
    on(*w, StopRequested{});
    report_retired();
  }

  void restart(Slot slot, const std::string& why) override {
    Worker* const w = roster_.find(slot);
    if (w != nullptr && !w->retires) on(*w, RestartRequested{why});
  }

  void lend(Slot slot, Slot drainer) override {
    drainers_.insert(drainer);
    if (Worker* const w = roster_.find(slot)) on(*w, Lent{});
  }
  void give_back(Slot slot) override {
    Worker* const w = roster_.find(slot);
    if (w != nullptr && !w->retires) on(*w, Returned{});
  }

  bool is_adopting() const override {
    return std::any_of(roster_.all().begin(), roster_.all().end(),
                       [](const auto& w) { return is_awaited(*w); });
  }

  void replace_outdated() override {
    if (stopping_) return;
    for (Worker* const w : std::vector(roster_.all())) {
      if (!w->welcomed || !std::exchange(w->is_outdated, false)) continue;
      log::info(
          "worker.outdated worker={} generation={} message=\"it is replaced: its settings or its release "
          "are no longer those in effect\"",
          w->slot.value, w->state.generation.value);
      callbacks_.outdated(w->slot);
    }
  }

  void set_log_level(const std::string& level, std::optional<Slot> slot) override {
    briefing_->set_log_level(level, slot);
  }
  void set_paused(bool paused) override { briefing_->set_paused(paused); }
  void set_held(const std::string& channels) override { briefing_->set_held(channels); }

  std::vector<SlotView> slots() const override {
    std::vector<SlotView> views;
    for (const auto& w : roster_.all()) views.push_back(w->view());
    return views;
  }
  bool has(Slot slot) const override { return roster_.find(slot) != nullptr; }
  SlotView slot(Slot slot) const override { return roster_.at(slot).view(); }

private:
  // --- events and actions

  // Events are worked off one after the other, each with all its actions: a callback that asks for something
  // in the middle of another event's actions waits its turn.
  void on(Worker& w, SlotEvent event) {
    events_.emplace_back(&w, std::move(event));
    if (working_) return;
    working_ = true;
    while (!events_.empty()) {
      auto [worker, next] = std::move(events_.front());
      events_.pop_front();
      work_off(*worker, next);
    }
    working_ = false;
    if (stopping_) return report_when_all_stopped();
    report_retired();
  }

  // By a callback of its own, so that nobody has it taken away while it is at work on it.
  void report_retired() {
    for (Worker* const w : roster_.all()) {
      if (!w->retires || w->state.phase != SlotPhase::stopped) continue;
      asio::post(loop_, [this, slot = w->slot, alive = alive_] {
        if (!*alive) return;
        Worker* const gone = roster_.find(slot);
        if (gone == nullptr || !gone->retires || gone->state.phase != SlotPhase::stopped) return;
        roster_.remove(slot);
        drainers_.erase(slot);
        count_workers();
        if (callbacks_.retired) callbacks_.retired(slot);
      });
    }
  }

  void work_off(Worker& w, const SlotEvent& event) {
    const SlotPhase before = w.state.phase;
    const auto actions = step(w.state, event, monotonic_now(), settings_, next_generation_, jitter_(random_));
    if (before != w.state.phase) {
      log::info("slot.{} worker={} generation={} pid={} was={}", to_string(w.state.phase), w.slot.value,
                w.state.generation.value, w.state.pid, to_string(before));
    }
    for (const SlotAction& action : actions) {
      std::visit([&](const auto& a) { carry_out(w, a); }, action);
    }
    set_timer(w);
    end_adoption();
  }

  void set_timer(Worker& w) {
    const auto deadline = next_deadline(w.state, settings_);
    if (!deadline) {
      w.timer.cancel();
      return;
    }
    w.timer.expires_at(time_point_of(*deadline));
    w.timer.async_wait([this, &w, alive = alive_](const boost::system::error_code& ec) {
      if (ec || !*alive) return;
      if (w.state.phase == SlotPhase::unresponsive && waits_for_disk(w.state.pid))
        on(w, BusyOnDisk{w.state.generation});
      on(w, Tick{});
    });
  }

  void carry_out(Worker& w, const LaunchWorker& action) {
    if (w.state.last_cause != ExitCause::none) ++w.restarts_by_reason[to_string(w.state.last_cause)];
    next_generation_ = Generation{action.generation.value + 1};
    generation_used_(action.generation);
    w.forget_generation();
    w.token = launch_token();
    w.libca.clear();
    w.started_at = monotonic_now();
    LaunchExtras extras = callbacks_.launching ? callbacks_.launching(w.slot) : LaunchExtras{};
    // Somebody may have removed it; a worker that finds none says so.
    std::error_code ignored;
    std::filesystem::create_directories(ledger_folder(config_), ignored);
    auto launched = launch(briefing_->request_for(w, action.generation, std::move(extras)));
    if (!launched)
      return on(w, LaunchFailed{action.generation, launched.error().stage, launched.error().error_number,
                                roster_.others_serve(w, drainers_)});
    w.process = std::move(*launched);
    watch(w, action.generation);
    briefing_->note_launch(w, action.generation);
    on(w, Launched{action.generation, w.process->pid});
  }

  // --- workers of an earlier supervisor

  static bool is_awaited(const Worker& w) { return w.state.phase == SlotPhase::starting && w.state.found; }

  void adopt() {
    for (FoundWorker& found : find_workers(config_)) {
      Worker* const w = roster_.find(found.record.slot);
      if (w == nullptr) continue;  // of a slot that is no more: it is told to drain when it is heard
      WorkerRecord& r = found.record;
      log::info("worker.found worker={} generation={} pid={}", r.slot.value, r.generation.value, r.pid);
      next_generation_ = std::max(next_generation_, Generation{r.generation.value + 1});
      w->process = std::move(found.process);
      w->token = r.token;
      w->conversation = conversation_;
      if (r.control_version != 0) w->control_version = r.control_version;
      w->restarts_by_reason = r.restarts_by_reason;
      w->started_at =
          MonotonicNs{monotonic_now().value - std::max<int64_t>(real_now().value - r.started_real_ns, 0)};
      w->record = std::move(r);
      watch(*w, w->record.generation);
      on(*w, Found{w->record.generation, w->record.pid, w->record.restarts, w->record.last_cause,
                   w->record.last_exit});
    }
    adopting_ = is_adopting();
    ask();
  }

  // They are there as soon as they have seen that the socket is another one.
  void ask() {
    bool awaited = false;
    for (const auto& w : roster_.all()) {
      if (!is_awaited(*w)) continue;
      awaited = true;
      briefing_->send(*w, Greet{conversation_});
    }
    if (!awaited) return;
    ask_timer_.expires_after(kAskAgain);
    ask_timer_.async_wait([this, alive = alive_](const boost::system::error_code& ec) {
      if (!ec && *alive) ask();
    });
  }

  void end_adoption() {
    if (!adopting_ || is_adopting()) return;
    adopting_ = false;
    asio::post(loop_, [this, alive = alive_] {
      if (*alive && callbacks_.adoption_over) callbacks_.adoption_over();
    });
  }

  void watch(Worker& w, Generation generation) {
    w.exit.emplace(loop_, fcntl(w.process->pidfd.get(), F_DUPFD_CLOEXEC, 0));
    w.exit->async_wait(asio::posix::stream_descriptor::wait_read,
                       [this, &w, generation, alive = alive_](const boost::system::error_code& ec) {
                         if (!ec && *alive) exited(w, generation);
                       });
  }

  void exited(Worker& w, Generation generation) {
    std::optional<int> status = reap(*w.process);
    if (!status) return watch(w, generation);
    w.exit.reset();
    w.process.reset();
    const bool has_books = roster_.open_ledger(w).has_value();
    // Who is not told how it ended finds it in the books.
    if (status == kEndNotKnown && has_books) status = end_by_books(w.ledger->header());
    on(w, Exited{generation, *status, has_books ? last_words(w.ledger->header()) : w.holder_of_books(),
                 roster_.others_serve(w, drainers_)});
  }

  void carry_out(Worker& w, const WelcomeWorker&) {
    w.outbox.reset(w.control_version);
    w.welcomed = true;
    briefing_->send(w, briefing_->welcome(w));
    briefing_->tell_all(w);
    keep_record(config_, w.record);
    if (w.state.found) {
      log::info("worker.adopted worker={} generation={} pid={}", w.slot.value, w.state.generation.value,
                w.state.pid);
      if (callbacks_.adopted) callbacks_.adopted(w.slot, w.state.generation);
    } else {
      callbacks_.welcomed(w.slot, w.state.generation);
    }
  }

  void carry_out(Worker& w, const SendStop& action) {
    // While paused only what is in flight gets any less.
    const int64_t most_ms =
        briefing_->is_paused() ? std::min(action.drain_timeout_ms, kPausedDrainMs) : action.drain_timeout_ms;
    w.stop_until = MonotonicNs{monotonic_now().value + most_ms * kNsPerMs};
    w.outbox.reset();
    briefing_->send(w, Stop{most_ms});
  }

  void carry_out(Worker& w, const KillWorker&) {
    if (w.process) send_signal(*w.process, SIGKILL);
  }

  void carry_out(Worker& w, const LostWorker& action) {
    w.welcomed = false;
    w.outbox.reset();
    remove_record(config_, w.slot, action.generation);
    const Obituary obituary = obituary_of(w.slot, action.generation, action.cause, action.text,
                                          action.wait_status, w.ledger ? &w.ledger->header() : nullptr);
    const auto level = action.cause == ExitCause::requested ? log::Level::info : log::Level::warning;
    log::write(level, "worker.lost worker={} generation={} cause={} how={}", w.slot.value,
               action.generation.value, to_string(action.cause), log::quoted(action.text));
    callbacks_.lost(obituary);
  }

  void carry_out(Worker& w, const GaveUp&) {
    log::error("slot.not_started_again worker={} generation={} how={}", w.slot.value,
               w.state.generation.value, log::quoted(w.state.last_exit));
    callbacks_.gave_up(w.slot, w.state.last_exit);
  }

  // Each has its part of what the configuration says of all.
  void count_workers() {
    const auto regular =
        std::ranges::count_if(roster_.all(), [this](const Worker* w) { return !spares_.contains(w->slot); });
    config_.workers.count = static_cast<int>(std::max<std::ptrdiff_t>(regular, 1));
    briefing_->share_spool();
  }

  void report_when_all_stopped() {
    if (reported_ || !roster_.at_rest()) return;
    reported_ = true;
    repeater_->stop();
    turn_timer_.cancel();
    asio::post(loop_, [this, alive = alive_] {
      if (*alive && callbacks_.all_stopped) callbacks_.all_stopped();
    });
  }

  // --- the link

  void pump(Worker& w) {
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    for (const std::string& bytes : w.outbox.due(monotonic_now()))
      link_->send(w.slot, w.state.generation, bytes);
  }

  void turn() {
    ++turns_;
    const MonotonicNs now = monotonic_now();
    for (Worker* const worker : roster_.all()) {
      Worker& w = *worker;
      if (!is_alive(w.state)) continue;
      if (w.state.phase == SlotPhase::stopping) {
        briefing_->send(w, Stop{std::max<int64_t>((w.stop_until.value - now.value) / kNsPerMs, 0)});
      } else if (turns_ % turns_between_pings(config_.workers.lease_s, kTurn.count()) == 0) {
        briefing_->send(w, Ping{});
        briefing_->tell_again(w);
      }
      pump(w);
    }
    turn_timer_.expires_at(time_point_of(next_on_grid(now, kTurn.count() * kNsPerMs)));
    turn_timer_.async_wait([this, alive = alive_](const boost::system::error_code& ec) {
      if (!ec && *alive) turn();
    });
  }

  void receive(Slot slot, Generation generation, WorkerMessage& message) {
    Worker* const w = roster_.find(slot);
    const std::optional<Started> started = w == nullptr ? std::nullopt : std::optional(w->started());
    if (auto* hello = std::get_if<Hello>(&message))
      return greet(w, judge(started ? &*started : nullptr, generation, *hello), slot, generation, *hello);
    if (!is_ours(started ? &*started : nullptr, generation))
      return turn_away(slot, generation, refusal(Greeting::not_started_here));
    std::visit([&](auto& m) { take(*w, m); }, message);
  }

  // It drains and ends, its log stays.
  void turn_away(Slot slot, Generation generation, const char* why) {
    if (const auto left_out = strays_.take(monotonic_now())) {
      log::warn("worker.turned_away worker={} generation={} reason={} left_out={}", slot.value,
                generation.value, log::quoted(why), *left_out);
    }
    // Of whatever release it is.
    link_->send(slot, generation,
                encode(SupervisorMessage(Stop{config_.workers.drain_timeout_ms}), kOldestControlVersion));
  }

  void greet(Worker* w, Greeting greeting, Slot slot, Generation generation, Hello& m) {
    switch (greeting) {
      case Greeting::not_started_here:
      case Greeting::another_token:
        return turn_away(slot, generation, refusal(greeting));
      case Greeting::repeated:
        return briefing_->send(*w, briefing_->welcome(*w));
      case Greeting::earlier:
        return;
      case Greeting::first:
        break;
    }
    if (m.program_version != release()) {
      log::warn("worker.of_other_release worker={} release={} own={}", slot.value,
                log::quoted(m.program_version), release());
    }
    w->control_version = std::min(m.control_version, kControlVersion);
    w->record.control_version = m.control_version;
    w->record.release = m.program_version;
    w->libca = std::move(m.libca);
    if (auto opened = roster_.open_ledger(*w); !opened)
      log::warn("ledger.unreadable worker={} error={}", slot.value, log::quoted(opened.error().message));
    if (w->state.found) {
      if (const std::string why = misfit(w->ledger ? &*w->ledger : nullptr, m); !why.empty()) {
        if (is_awaited(*w))
          log::warn(
              "worker.not_adopted worker={} generation={} reason={} message=\"it drains, and another "
              "takes its place\"",
              slot.value, generation.value, log::quoted(why));
        return on(*w, RestartRequested{});
      }
      briefing_->judge_settings(*w, m);
    }
    on(*w, Greeted{generation});
  }

  void take(Worker&, Hello&) {}  // greet() has it
  void take(Worker& w, Applied& m) { applied(w, m.number); }
  void take(Worker& w, Heartbeat& m) {
    if (is_awaited(w)) on(w, Heard{w.state.generation, false});
    if (!w.welcomed) return;
    // A thread that stands still makes the worker as good as silent; the *ca* thread may do so for a while.
    const bool ca_stands_still = std::exchange(w.ca_turns, m.ca_turns) == m.ca_turns;
    std::string still = w.what_stands_still(m);
    if (still.empty()) {
      on(w, Heard{w.state.generation, ca_stands_still});
    } else {
      on(w, StandsStill{w.state.generation, std::move(still)});
    }
    (void)roster_.open_ledger(w);
    const uint64_t number = m.applied_number;
    w.heartbeat = std::move(m);
    applied(w, number);
  }
  void take(Worker& w, Goodbye& m) {
    log::info("worker.said_goodbye worker={} generation={} waiting={}", w.slot.value,
              w.state.generation.value, m.waiting_events);
  }

  void applied(Worker& w, uint64_t number) {
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    if (!w.outbox.applied(number, monotonic_now())) {
      if (const auto left_out = strays_.take(monotonic_now())) {
        log::warn("worker.applied_unsent worker={} batch={} left_out={}", w.slot.value, number, *left_out);
      }
      return;
    }
    pump(w);
  }

  asio::io_context& loop_;
  asio::steady_timer turn_timer_;
  asio::steady_timer ask_timer_;
  Config config_;  // workers.count is that of the slots that there are, without spares
  std::set<Slot> spares_, drainers_;
  const std::string program_;
  Generation next_generation_;
  Callbacks callbacks_;
  std::function<void(Generation)> generation_used_;
  SlotSettings settings_;
  std::unique_ptr<Repeater> repeater_;
  std::unique_ptr<Link> link_;
  Roster roster_;
  std::optional<Briefing> briefing_;  // there is one as soon as there is the link
  std::deque<std::pair<Worker*, SlotEvent>> events_;
  bool working_ = false;
  const uint64_t conversation_ = conversation_number();  // with workers that are found
  bool adopting_ = false;
  bool started_ = false;
  bool stopping_ = false;
  bool reported_ = false;
  int64_t turns_ = 0;
  LogBudget strays_{10, 60'000};
  std::minstd_rand random_{std::random_device{}()};
  std::uniform_real_distribution<double> jitter_{0.0, 1.0};
  // Shared with the handlers in the loop's queue, which may run after us.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<std::unique_ptr<Fleet>> Fleet::make(asio::io_context& loop, const Config& config,
                                           Generation first_generation, Callbacks callbacks,
                                           std::function<void(Generation)> generation_used) {
  if (config.workers.count < 1) return fail("workers.count: at least 1 worker is needed");
  auto program = find_worker_program(config.workers.program);
  if (!program) return tl::unexpected(program.error());
  for (const std::string& folder : {ledger_folder(config), config.spool.directory}) {
    std::error_code ec;
    std::filesystem::create_directories(folder, ec);
    if (ec) return fail("the directory " + folder + " can't be made: " + ec.message());
  }
  auto fleet = std::make_unique<ProcessFleet>(loop, config, std::move(*program), first_generation,
                                              std::move(callbacks), std::move(generation_used));
  if (auto opened = fleet->open_link(); !opened) return tl::unexpected(opened.error());
  return fleet;
}

}  // namespace e2k::supervisor
