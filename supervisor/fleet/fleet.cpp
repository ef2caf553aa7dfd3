#include "supervisor/fleet/fleet.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <filesystem>
#include <random>
#include <utility>

#include "common/log.h"
#include "common/version.h"
#include "supervisor/fleet/contract_of.h"
#include "supervisor/fleet/launcher.h"
#include "supervisor/fleet/link.h"
#include "supervisor/fleet/log_budget.h"
#include "supervisor/fleet/repeater.h"
#include "supervisor/fleet/rolling.h"
#include "supervisor/fleet/roster.h"
#include "supervisor/fleet/slot_life.h"

namespace e2k::supervisor {
namespace {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

// Every other turn pings; every turn looks for what has to be said again.
constexpr auto kTurn = std::chrono::milliseconds(500);
constexpr int64_t kPausedDrainMs = 1000;

Steady::time_point time_point_of(MonotonicNs t) {
  return Steady::time_point(std::chrono::nanoseconds(t.value));
}

class ProcessFleet final : public Fleet {
public:
  ProcessFleet(asio::io_context& loop, const Config& config, std::string program, Generation first_generation,
               Callbacks callbacks, std::function<void(Generation)> generation_used)
      : loop_(loop),
        turn_timer_(loop),
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
    return {};
  }

  void start() override {
    turn();
    repeater_->start([this, alive = alive_] {
      if (!*alive || stopping_) return;
      for (const auto& w : roster_.all()) on(*w, StartRequested{});
    });
  }

  void stop() override {
    stopping_ = true;
    rolling_.clear();
    for (const auto& w : roster_.all()) on(*w, StopRequested{});
    report_when_all_stopped();
  }

  void assign(Slot slot, std::vector<AssignItem> items) override {
    Worker& w = roster_.at(slot);
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    w.outbox.add(std::move(items));
    pump(w);
  }

  void restart(Slot slot) override { on(roster_.at(slot), RestartRequested{}); }

  void restart_all(bool rolling, bool only_failed) override {
    for (const auto& w : roster_.all()) {
      const SlotPhase phase = w->state.phase;
      if (only_failed && phase != SlotPhase::failed && phase != SlotPhase::backoff) continue;
      if (rolling) {
        rolling_.add(w->slot);
      } else {
        on(*w, RestartRequested{});
      }
    }
    roll_on();
  }

  void set_paused(bool paused) override {
    paused_ = paused;
    for (const auto& w : roster_.all()) tell_pause(*w);
  }

  std::vector<SlotView> slots() const override {
    std::vector<SlotView> views;
    for (const auto& w : roster_.all()) views.push_back(w->view());
    return views;
  }
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
    if (stopping_) report_when_all_stopped();
  }

  void work_off(Worker& w, const SlotEvent& event) {
    const SlotPhase before = w.state.phase;
    const auto actions = step(w.state, event, monotonic_now(), settings_, next_generation_, jitter_(random_));
    if (before != w.state.phase) {
      log::info("slot {} worker={} generation={} pid={} was={}", to_string(w.state.phase), w.slot.value,
                w.state.generation.value, w.state.pid, to_string(before));
    }
    for (const SlotAction& action : actions) {
      std::visit([&](const auto& a) { carry_out(w, a); }, action);
    }
    set_timer(w);
  }

  void set_timer(Worker& w) {
    const auto deadline = next_deadline(w.state, settings_);
    if (!deadline) {
      w.timer.cancel();
      return;
    }
    w.timer.expires_at(time_point_of(*deadline));
    w.timer.async_wait([this, &w, alive = alive_](const boost::system::error_code& ec) {
      if (!ec && *alive) on(w, Tick{});
    });
  }

  void carry_out(Worker& w, const LaunchWorker& action) {
    if (w.state.last_cause != ExitCause::none) ++w.restarts_by_reason[to_string(w.state.last_cause)];
    next_generation_ = Generation{action.generation.value + 1};
    generation_used_(action.generation);
    w.forget_generation();
    w.token = launch_token();
    w.started_at = monotonic_now();
    auto launched = launch(request_for(w, action.generation));
    if (!launched)
      return on(w, LaunchFailed{action.generation, launched.error().stage, launched.error().error_number});
    w.process = std::move(*launched);
    watch(w, action.generation);
    on(w, Launched{action.generation, w.process->pid});
  }

  LaunchRequest request_for(const Worker& w, Generation generation) {
    LaunchRequest request;
    request.program = program_;
    request.arguments = {"--launch-fd", std::to_string(kLaunchFd), "--slot", std::to_string(w.slot.value)};
    if (!config_.instance.empty())
      request.arguments.insert(request.arguments.end(), {"--instance", config_.instance});
    LaunchContract contract =
        contract_of(config_, w.slot, generation, w.token, link_->endpoint(), static_cast<int32_t>(getpid()));
    contract.paused = paused_;
    if (callbacks_.launching) {
      LaunchExtras extras = callbacks_.launching(w.slot);
      contract.fresh_books = extras.fresh_books;
      contract.estates = std::move(extras.estates);
    }
    request.contract = encode(contract);
    return request;
  }

  void watch(Worker& w, Generation generation) {
    w.exit.emplace(loop_, fcntl(w.process->pidfd.get(), F_DUPFD_CLOEXEC, 0));
    w.exit->async_wait(asio::posix::stream_descriptor::wait_read,
                       [this, &w, generation, alive = alive_](const boost::system::error_code& ec) {
                         if (!ec && *alive) exited(w, generation);
                       });
  }

  void exited(Worker& w, Generation generation) {
    const std::optional<int> status = reap(*w.process);
    if (!status) return watch(w, generation);
    w.exit.reset();
    w.process.reset();
    const bool has_books = roster_.open_ledger(w).has_value();
    on(w, Exited{generation, *status, has_books ? last_words(w.ledger->header()) : w.holder_of_books()});
  }

  void carry_out(Worker& w, const WelcomeWorker&) {
    w.outbox.reset();
    w.welcomed = true;
    send(w, Welcome{});
    tell_pause(w);
    callbacks_.welcomed(w.slot, w.state.generation);
    rolling_.welcomed(w.slot);
    roll_on();
  }

  void carry_out(Worker& w, const SendStop& action) {
    // While paused only what is in flight gets any less.
    const int64_t most_ms =
        paused_ ? std::min(action.drain_timeout_ms, kPausedDrainMs) : action.drain_timeout_ms;
    w.stop_until = MonotonicNs{monotonic_now().value + most_ms * kNsPerMs};
    w.outbox.reset();
    send(w, Stop{most_ms});
  }

  void carry_out(Worker& w, const KillWorker&) {
    if (w.process) send_signal(*w.process, SIGKILL);
  }

  void carry_out(Worker& w, const LostWorker& action) {
    w.welcomed = false;
    w.outbox.reset();
    const Obituary obituary = obituary_of(w.slot, action.generation, action.cause, action.text,
                                          action.wait_status, w.ledger ? &w.ledger->header() : nullptr);
    const auto level = action.cause == ExitCause::requested ? log::Level::info : log::Level::warning;
    log::write(level, "worker lost worker={} generation={} cause={} how={}", w.slot.value,
               action.generation.value, to_string(action.cause), log::quoted(action.text));
    callbacks_.lost(obituary);
  }

  void carry_out(Worker& w, const GaveUp&) {
    log::error("slot failed worker={} generation={} how={}; it is not started again by itself", w.slot.value,
               w.state.generation.value, log::quoted(w.state.last_exit));
    callbacks_.gave_up(w.slot, w.state.last_exit);
    if (const auto left = rolling_.gave_up(w.slot))
      log::warn("rolling restart ended: worker={} failed, left={}", w.slot.value, *left);
  }

  void roll_on() {
    if (const auto slot = rolling_.next()) on(roster_.at(*slot), RestartRequested{});
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

  void send(const Worker& w, const SupervisorMessage& message) {
    link_->send(w.slot, w.state.generation, encode(message));
  }

  // Said again with every ping: it may have got lost, or be older than the contract.
  void tell_pause(const Worker& w) {
    if (w.welcomed) send(w, SetPaused{paused_});
  }

  void pump(Worker& w) {
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    for (const std::string& bytes : w.outbox.due(monotonic_now()))
      link_->send(w.slot, w.state.generation, bytes);
  }

  void turn() {
    ++turns_;
    const MonotonicNs now = monotonic_now();
    for (const auto& worker : roster_.all()) {
      Worker& w = *worker;
      if (!is_alive(w.state)) continue;
      if (w.state.phase == SlotPhase::stopping) {
        send(w, Stop{std::max<int64_t>((w.stop_until.value - now.value) / kNsPerMs, 0)});
      } else if (turns_ % 2 == 0) {
        send(w, Ping{});
        tell_pause(w);
      }
      pump(w);
    }
    turn_timer_.expires_after(kTurn);
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
      log::warn("worker turned away worker={} generation={} reason={} left_out={}", slot.value,
                generation.value, log::quoted(why), *left_out);
    }
    link_->send(slot, generation, encode(SupervisorMessage(Stop{config_.workers.drain_timeout_ms})));
  }

  void greet(Worker* w, Greeting greeting, Slot slot, Generation generation, Hello& m) {
    switch (greeting) {
      case Greeting::not_started_here:
      case Greeting::another_token:
        return turn_away(slot, generation, refusal(greeting));
      case Greeting::repeated:
        return send(*w, Welcome{});
      case Greeting::first:
        break;
    }
    if (m.program_version != release()) {
      log::warn("worker={} is of release {}, the supervisor of {}", slot.value,
                log::quoted(m.program_version), release());
    }
    w->libca = std::move(m.libca);
    if (auto opened = roster_.open_ledger(*w); !opened)
      log::warn("ledger not readable worker={} error={}", slot.value, log::quoted(opened.error().message));
    on(*w, Greeted{generation});
  }

  void take(Worker&, Hello&) {}  // greet() has it
  void take(Worker& w, Applied& m) { applied(w, m.number); }
  void take(Worker& w, Heartbeat& m) {
    if (!w.welcomed) return;
    // A thread that stands still makes the worker as good as silent; the *ca* thread may do so for a while.
    if (m.publish_turns != w.publish_turns) {
      w.publish_turns = m.publish_turns;
      on(w, Heard{w.state.generation, std::exchange(w.ca_turns, m.ca_turns) == m.ca_turns});
    }
    (void)roster_.open_ledger(w);
    const uint64_t number = m.applied_number;
    w.heartbeat = std::move(m);
    applied(w, number);
  }
  void take(Worker& w, Goodbye& m) {
    log::info("worker said goodbye worker={} generation={} waiting={}", w.slot.value,
              w.state.generation.value, m.waiting_events);
  }

  void applied(Worker& w, uint64_t number) {
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    if (!w.outbox.applied(number, monotonic_now())) {
      if (const auto left_out = strays_.take(monotonic_now())) {
        log::warn("worker={} applied batch {}, which it was never sent; left_out={}", w.slot.value, number,
                  *left_out);
      }
      return;
    }
    pump(w);
  }

  asio::io_context& loop_;
  asio::steady_timer turn_timer_;
  const Config config_;
  const std::string program_;
  Generation next_generation_;
  Callbacks callbacks_;
  std::function<void(Generation)> generation_used_;
  SlotSettings settings_;
  std::unique_ptr<Repeater> repeater_;
  std::unique_ptr<Link> link_;
  Roster roster_;
  std::deque<std::pair<Worker*, SlotEvent>> events_;
  bool working_ = false;
  Rolling rolling_;
  bool paused_ = false;
  bool stopping_ = false;
  bool reported_ = false;
  uint64_t turns_ = 0;
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
