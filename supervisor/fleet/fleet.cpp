#include "supervisor/fleet/fleet.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <cstring>
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
#include "supervisor/fleet/outbox.h"
#include "supervisor/fleet/repeater.h"

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

std::string random_token() {
  unsigned char bytes[16];
  // Up to 256 bytes getrandom never comes back short.
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) std::abort();
  static const char digits[] = "0123456789abcdef";
  std::string token;
  for (unsigned char b : bytes) {
    token += digits[b >> 4];
    token += digits[b & 15];
  }
  return token;
}

// What the shell keeps of one slot beside the machine's state.
struct Worker {
  explicit Worker(asio::io_context& loop) : timer(loop) {}

  SlotState state;
  std::map<std::string, uint64_t> restarts_by_reason;
  asio::steady_timer timer;  // next_deadline
  std::string token;
  std::optional<Process> process;
  std::optional<asio::posix::stream_descriptor> exit;
  MonotonicNs started_at;
  bool welcomed = false;
  std::string libca;
  Outbox outbox;
  std::optional<Heartbeat> heartbeat;
  std::optional<ledger::LedgerReader> ledger;
  std::optional<ledger::LedgerReader> previous;  // its predecessor's, until `ledger` has taken over its sums
  // As of the last heartbeat that was taken for a sign of life.
  uint64_t ca_turns = 0;
  uint64_t publish_turns = 0;
  MonotonicNs stop_until;
};

double conn_tmo_s(const std::map<std::string, std::string>& epics) {
  constexpr double kOfLibca = 30;
  const auto set = epics.find("EPICS_CA_CONN_TMO");
  if (set == epics.end()) return kOfLibca;
  double seconds = 0;
  const char* const end = set->second.data() + set->second.size();
  const auto read = std::from_chars(set->second.data(), end, seconds);
  return read.ec == std::errc{} && seconds > 0 ? seconds : kOfLibca;
}

bool can_listen(SlotPhase phase) {
  return phase == SlotPhase::running || phase == SlotPhase::unresponsive || phase == SlotPhase::stopping;
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
        repeater_(Repeater::make(loop, program_, config_.epics)) {
    settings_.max_restart_delay_ms = config.workers.max_restart_delay_ms;
    settings_.drain_timeout_ms = config.workers.drain_timeout_ms;
    settings_.ca_silence_limit_ms = ca_silence_limit_ms(conn_tmo_s(config.epics), settings_.silence_limit_ms);
    for (size_t i = 0; i < static_cast<size_t>(config.workers.count); ++i) {
      workers_.push_back(std::make_unique<Worker>(loop));
      auto previous = ledger::LedgerReader::open(ledger_path(config_, slot_of(i)), slot_of(i));
      if (previous) workers_.back()->previous.emplace(std::move(*previous));
    }
  }

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
      for (size_t i = 0; i < workers_.size(); ++i) on(i, StartRequested{});
    });
  }

  void stop() override {
    stopping_ = true;
    rolling_.clear();
    for (size_t i = 0; i < workers_.size(); ++i) on(i, StopRequested{});
    report_when_all_stopped();
  }

  void assign(Slot slot, std::vector<AssignItem> items) override {
    Worker& w = *workers_.at(slot.value);
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    w.outbox.add(std::move(items));
    pump(slot.value);
  }

  void restart(Slot slot) override { on(slot.value, RestartRequested{}); }

  void restart_all(bool rolling, bool only_failed) override {
    for (size_t i = 0; i < workers_.size(); ++i) {
      const SlotPhase phase = workers_[i]->state.phase;
      if (only_failed && phase != SlotPhase::failed && phase != SlotPhase::backoff) continue;
      if (!rolling) {
        on(i, RestartRequested{});
      } else if (std::find(rolling_.begin(), rolling_.end(), i) == rolling_.end()) {
        rolling_.push_back(i);
      }
    }
    if (rolling && !rolling_now_) roll_on();
  }

  void set_paused(bool paused) override {
    paused_ = paused;
    for (size_t i = 0; i < workers_.size(); ++i) tell_pause(i);
  }

  std::vector<SlotView> slots() const override {
    std::vector<SlotView> out;
    for (size_t i = 0; i < workers_.size(); ++i) {
      const Worker& w = *workers_[i];
      out.push_back({slot_of(i), &w.state, w.restarts_by_reason, w.started_at, w.heartbeat,
                     ledger(slot_of(i)), books(slot_of(i)), w.outbox.unapplied_items(), w.libca});
    }
    return out;
  }
  const SlotState& state(Slot slot) const override { return workers_.at(slot.value)->state; }
  const ledger::LedgerReader* ledger(Slot slot) const override {
    const Worker& w = *workers_.at(slot.value);
    return w.ledger ? &*w.ledger : nullptr;
  }
  const ledger::LedgerReader* books(Slot slot) const override {
    const Worker& w = *workers_.at(slot.value);
    if (w.ledger) return &*w.ledger;
    return w.previous ? &*w.previous : nullptr;
  }

private:
  static Slot slot_of(size_t i) { return Slot{static_cast<uint16_t>(i)}; }

  // --- events and actions

  // Events are worked off one after the other, each with all its actions: a callback that asks for something
  // in the middle of another event's actions waits its turn.
  void on(size_t i, SlotEvent event) {
    events_.emplace_back(i, std::move(event));
    if (working_) return;
    working_ = true;
    while (!events_.empty()) {
      auto [slot, next] = std::move(events_.front());
      events_.pop_front();
      work_off(slot, next);
    }
    working_ = false;
    if (stopping_) report_when_all_stopped();
  }

  void work_off(size_t i, const SlotEvent& event) {
    Worker& w = *workers_[i];
    const SlotPhase before = w.state.phase;
    const auto actions = step(w.state, event, monotonic_now(), settings_, next_generation_, jitter_(random_));
    if (before != w.state.phase) {
      log::info("slot {} worker={} generation={} pid={} was={}", to_string(w.state.phase), i,
                w.state.generation.value, w.state.pid, to_string(before));
    }
    for (const SlotAction& action : actions) {
      std::visit([&](const auto& a) { carry_out(i, w, a); }, action);
    }
    set_timer(i, w);
  }

  void set_timer(size_t i, Worker& w) {
    const auto deadline = next_deadline(w.state, settings_);
    if (!deadline) {
      w.timer.cancel();
      return;
    }
    w.timer.expires_at(time_point_of(*deadline));
    w.timer.async_wait([this, i, alive = alive_](const boost::system::error_code& ec) {
      if (!ec && *alive) on(i, Tick{});
    });
  }

  void carry_out(size_t i, Worker& w, const LaunchWorker& action) {
    if (w.state.last_cause != ExitCause::none) ++w.restarts_by_reason[to_string(w.state.last_cause)];
    next_generation_ = Generation{action.generation.value + 1};
    generation_used_(action.generation);
    // The sums of before stand until the next worker has opened its own books.
    if (w.ledger) w.previous = std::exchange(w.ledger, std::nullopt);
    w.heartbeat.reset();
    w.ca_turns = w.publish_turns = 0;
    w.token = random_token();
    w.started_at = monotonic_now();
    LaunchRequest request;
    request.program = program_;
    request.arguments = {"--launch-fd", std::to_string(kLaunchFd), "--slot", std::to_string(i)};
    if (!config_.instance.empty()) {
      request.arguments.insert(request.arguments.end(), {"--instance", config_.instance});
    }
    LaunchContract contract = contract_of(config_, slot_of(i), action.generation, w.token, link_->endpoint(),
                                          static_cast<int32_t>(getpid()));
    contract.paused = paused_;
    if (callbacks_.launching) {
      LaunchExtras extras = callbacks_.launching(slot_of(i));
      contract.fresh_books = extras.fresh_books;
      contract.estates = std::move(extras.estates);
    }
    request.contract = encode(contract);
    auto launched = launch(request);
    if (!launched) {
      return on(i, LaunchFailed{action.generation, launched.error().stage, launched.error().error_number});
    }
    w.process = std::move(*launched);
    watch(i, w, action.generation);
    on(i, Launched{action.generation, w.process->pid});
  }

  void watch(size_t i, Worker& w, Generation generation) {
    w.exit.emplace(loop_, fcntl(w.process->pidfd.get(), F_DUPFD_CLOEXEC, 0));
    w.exit->async_wait(asio::posix::stream_descriptor::wait_read,
                       [this, i, generation, alive = alive_](const boost::system::error_code& ec) {
                         if (!ec && *alive) exited(i, generation);
                       });
  }

  void exited(size_t i, Generation generation) {
    Worker& w = *workers_[i];
    const std::optional<int> status = reap(*w.process);
    if (!status) return watch(i, w, generation);
    w.exit.reset();
    w.process.reset();
    open_ledger(i, w, generation, false);
    on(i, Exited{generation, *status, w.ledger ? last_words(w.ledger->header()) : ""});
  }

  void carry_out(size_t i, Worker& w, const WelcomeWorker&) {
    w.outbox.reset();
    w.welcomed = true;
    send(i, Welcome{});
    tell_pause(i);
    callbacks_.welcomed(slot_of(i), w.state.generation);
    if (rolling_now_ == i) {
      rolling_now_.reset();
      roll_on();
    }
  }

  void carry_out(size_t i, Worker& w, const SendStop& action) {
    // While paused only what is in flight gets any less.
    const int64_t most_ms =
        paused_ ? std::min(action.drain_timeout_ms, kPausedDrainMs) : action.drain_timeout_ms;
    w.stop_until = MonotonicNs{monotonic_now().value + most_ms * kNsPerMs};
    w.outbox.reset();
    send(i, Stop{most_ms});
  }

  void carry_out(size_t, Worker& w, const KillWorker&) {
    if (w.process) send_signal(*w.process, SIGKILL);
  }

  void carry_out(size_t i, Worker& w, const LostWorker& action) {
    w.welcomed = false;
    w.outbox.reset();
    const Obituary obituary = obituary_of(slot_of(i), action.generation, action.cause, action.text,
                                          action.wait_status, w.ledger ? &w.ledger->header() : nullptr);
    const auto level = action.cause == ExitCause::requested ? log::Level::info : log::Level::warning;
    log::write(level, "worker lost worker={} generation={} cause={} how={}", i, action.generation.value,
               to_string(action.cause), log::quoted(action.text));
    callbacks_.lost(obituary);
  }

  void carry_out(size_t i, Worker& w, const GaveUp&) {
    log::error("slot failed worker={} generation={} how={}; it is not started again by itself", i,
               w.state.generation.value, log::quoted(w.state.last_exit));
    callbacks_.gave_up(slot_of(i), w.state.last_exit);
    if (rolling_now_ == i) {
      log::warn("rolling restart ended: worker={} failed, left={}", i, rolling_.size());
      rolling_now_.reset();
      rolling_.clear();
    }
  }

  void open_ledger(size_t i, Worker& w, Generation generation, bool complain) {
    if (w.ledger) return;
    auto opened = ledger::LedgerReader::open(ledger_path(config_, slot_of(i)), slot_of(i), generation);
    if (opened) {
      w.ledger.emplace(std::move(*opened));
      w.previous.reset();
    } else if (complain) {
      log::warn("ledger not readable worker={} error={}", i, log::quoted(opened.error().message));
    }
  }

  void roll_on() {
    if (rolling_.empty()) return;
    rolling_now_ = rolling_.front();
    rolling_.pop_front();
    on(*rolling_now_, RestartRequested{});
  }

  void report_when_all_stopped() {
    if (reported_) return;
    for (const auto& w : workers_) {
      const SlotPhase phase = w->state.phase;
      if (phase != SlotPhase::stopped && phase != SlotPhase::idle && phase != SlotPhase::failed) return;
    }
    reported_ = true;
    repeater_->stop();
    turn_timer_.cancel();
    asio::post(loop_, [this, alive = alive_] {
      if (*alive && callbacks_.all_stopped) callbacks_.all_stopped();
    });
  }

  // --- the link

  void send(size_t i, const SupervisorMessage& message) {
    link_->send(slot_of(i), workers_[i]->state.generation, encode(message));
  }

  // Said again with every ping: it may have got lost, or be older than the contract.
  void tell_pause(size_t i) {
    if (workers_[i]->welcomed) send(i, SetPaused{paused_});
  }

  void pump(size_t i) {
    Worker& w = *workers_[i];
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    for (const std::string& bytes : w.outbox.due(monotonic_now())) {
      link_->send(slot_of(i), w.state.generation, bytes);
    }
  }

  void turn() {
    ++turns_;
    const MonotonicNs now = monotonic_now();
    for (size_t i = 0; i < workers_.size(); ++i) {
      Worker& w = *workers_[i];
      if (!can_listen(w.state.phase)) continue;
      if (w.state.phase == SlotPhase::stopping) {
        send(i, Stop{std::max<int64_t>((w.stop_until.value - now.value) / kNsPerMs, 0)});
      } else if (turns_ % 2 == 0) {
        send(i, Ping{});
        tell_pause(i);
      }
      pump(i);
    }
    turn_timer_.expires_after(kTurn);
    turn_timer_.async_wait([this, alive = alive_](const boost::system::error_code& ec) {
      if (!ec && *alive) turn();
    });
  }

  void receive(Slot slot, Generation generation, WorkerMessage& message) {
    const bool ours = slot.value < workers_.size() && workers_[slot.value]->process &&
                      workers_[slot.value]->state.generation == generation;
    if (!ours) return turn_away(slot, generation, "it was not started by this supervisor");
    std::visit([&](auto& m) { take(slot.value, *workers_[slot.value], m); }, message);
  }

  // A worker of a supervisor that is gone: it drains and ends, its log stays.
  void turn_away(Slot slot, Generation generation, const char* why) {
    if (const auto left_out = strays_.take(monotonic_now())) {
      log::warn("worker turned away worker={} generation={} reason={} left_out={}", slot.value,
                generation.value, log::quoted(why), *left_out);
    }
    link_->send(slot, generation, encode(SupervisorMessage(Stop{config_.workers.drain_timeout_ms})));
  }

  void take(size_t i, Worker& w, Hello& m) {
    if (m.token != w.token || m.slot != slot_of(i) || m.generation != w.state.generation) {
      return turn_away(slot_of(i), w.state.generation, "its token is not the one it was started with");
    }
    if (w.welcomed) return send(i, Welcome{});  // the first one has not reached it yet
    if (m.program_version != release()) {
      log::warn("worker={} is of release {}, the supervisor of {}", i, log::quoted(m.program_version),
                release());
    }
    w.libca = m.libca;
    open_ledger(i, w, w.state.generation, true);
    on(i, Greeted{w.state.generation});
  }
  void take(size_t i, Worker& w, Applied& m) { applied(i, w, m.number); }
  void take(size_t i, Worker& w, Heartbeat& m) {
    if (!w.welcomed) return;
    // A thread that stands still makes the worker as good as silent; the *ca* thread may do so for a while.
    if (m.publish_turns != w.publish_turns) {
      w.publish_turns = m.publish_turns;
      on(i, Heard{w.state.generation, std::exchange(w.ca_turns, m.ca_turns) == m.ca_turns});
    }
    open_ledger(i, w, w.state.generation, false);
    const uint64_t number = m.applied_number;
    w.heartbeat = std::move(m);
    applied(i, w, number);
  }
  void take(size_t i, Worker& w, Goodbye& m) {
    log::info("worker said goodbye worker={} generation={} waiting={}", i, w.state.generation.value,
              m.waiting_events);
  }

  void applied(size_t i, Worker& w, uint64_t number) {
    if (!w.welcomed || w.state.phase == SlotPhase::stopping) return;
    if (!w.outbox.applied(number, monotonic_now())) {
      if (const auto left_out = strays_.take(monotonic_now())) {
        log::warn("worker={} applied batch {}, which it was never sent; left_out={}", i, number, *left_out);
      }
      return;
    }
    pump(i);
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
  std::vector<std::unique_ptr<Worker>> workers_;  // by slot; a Worker never moves: handlers refer to it
  std::deque<std::pair<size_t, SlotEvent>> events_;
  bool working_ = false;
  std::deque<size_t> rolling_;
  std::optional<size_t> rolling_now_;
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
