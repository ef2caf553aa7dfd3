#include "supervisor/fleet/slot_machine.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "proto/launch.h"
#include "supervisor/fleet/launch_problem.h"

namespace e2k::supervisor {
namespace {

constexpr int64_t kFirstDelayMs = 100;
constexpr int64_t kThrottledFirstDelayMs = 1'000;
constexpr uint32_t kMostDoublings = 20;

// libca's, for the answer to the echo that it sends when a circuit was quiet for EPICS_CA_CONN_TMO.
constexpr double kEchoTimeoutS = 5;

MonotonicNs after(MonotonicNs now, int64_t ms) {
  return MonotonicNs{now.value + ms * kNsPerMs};
}

MonotonicNs silent_at(const SlotState& state, const SlotSettings& settings) {
  return std::min(after(state.last_heard, settings.silence_limit_ms),
                  after(state.ca_last_turned, settings.ca_silence_limit_ms));
}

bool says_do_not_restart(int wait_status) {
  if (!WIFEXITED(wait_status)) return false;
  const int code = WEXITSTATUS(wait_status);
  return code == int(WorkerExit::bad_settings) || code == int(WorkerExit::protocol) ||
         code == int(WorkerExit::not_launched);
}

// One call of step(): the state, and what the events need at hand.
struct Step {
  SlotState& s;
  const MonotonicNs now;
  const SlotSettings& settings;
  const Generation next_generation;
  const double jitter;
  std::vector<SlotAction> actions;

  void enter(SlotPhase phase) {
    s.phase = phase;
    s.phase_since = now;
  }

  void launch() {
    if (s.last_cause != ExitCause::none) ++s.restarts;
    s.generation = next_generation;
    s.pid = 0;
    s.greeted = s.found = s.lent = false;
    s.restart_wanted = false;
    s.killed_for = ExitCause::none;
    s.still.clear();
    s.deadline = after(now, settings.greeting_timeout_ms);
    enter(SlotPhase::starting);
    actions.emplace_back(LaunchWorker{s.generation});
  }

  void kill(ExitCause why, std::string because) {
    s.killed_for = why;
    s.killed_because = "killed by the supervisor: " + std::move(because);
    enter(SlotPhase::killing);
    actions.emplace_back(KillWorker{});
  }

  void ask_to_stop(bool again) {
    s.restart_wanted = again;
    s.deadline = after(now, settings.drain_timeout_ms + settings.exit_grace_ms);
    enter(SlotPhase::stopping);
    actions.emplace_back(SendStop{settings.drain_timeout_ms});
  }

  // Dead by itself: counts the failure and waits.
  void back_off(bool throttled) {
    ++s.failures;
    const int64_t first = throttled ? kThrottledFirstDelayMs : kFirstDelayMs;
    int64_t delay_ms = first << std::min(s.failures - 1, kMostDoublings);
    delay_ms = std::min(delay_ms, std::max(settings.max_restart_delay_ms, kFirstDelayMs));
    const double shortened = static_cast<double>(delay_ms * kNsPerMs) * (1.0 - 0.2 * jitter);
    s.restart_at = MonotonicNs{now.value + static_cast<int64_t>(shortened)};
    enter(SlotPhase::backoff);
  }

  // Hung: in words. What stood still once, before nothing was heard at all, is not what hangs.
  std::string hung() const {
    const bool is_silent = s.still.empty() || now >= after(s.still_at, settings.kill_after_ms);
    const int64_t since_ns = now.value - std::min(s.last_heard, s.phase_since).value;
    const std::string seconds = std::to_string((since_ns + kNsPerSecond / 2) / kNsPerSecond);
    if (is_silent) return "hung (nothing was heard of it for " + seconds + " s)";
    return "hung (" + s.still + " stood still for " + seconds + " s)";
  }

  void note_still(std::string what) {
    s.still = std::move(what);
    s.still_at = now;
  }

  // Whether a slot that has failed once more is beyond what time mends.
  bool keeps_failing(bool others_run) const {
    return others_run && (s.unready >= settings.max_unready || s.own_failures >= settings.max_failures);
  }

  void give_up(bool tries_again) {
    s.tries_again = tries_again;
    enter(SlotPhase::failed);
    actions.emplace_back(GaveUp{s.last_exit});
  }

  void record_loss(ExitCause cause, std::string text, std::optional<int> wait_status) {
    s.last_cause = cause;
    s.last_exit = std::move(text);
    s.pid = 0;
    actions.emplace_back(LostWorker{cause, s.last_exit, s.generation, wait_status});
  }

  bool is_stable() const {
    return s.greeted && now.value - s.greeted_at.value >= settings.stable_after_ms * kNsPerMs;
  }

  ExitCause cause_of(int wait_status) const {
    if (s.phase == SlotPhase::killing) return s.killed_for;
    if (WIFSIGNALED(wait_status)) return ExitCause::crash;
    if (s.phase == SlotPhase::stopping && WEXITSTATUS(wait_status) == 0) return ExitCause::requested;
    return ExitCause::exit;
  }

  void on_dead(ExitCause cause, std::string text, int wait_status, bool others_run) {
    const bool asked = s.phase == SlotPhase::stopping ||
                       (s.phase == SlotPhase::killing && s.killed_for == ExitCause::requested);
    const bool again = s.restart_wanted;
    if (WIFEXITED(wait_status) && s.phase != SlotPhase::killing)
      if (const char* remedy = remedy_of_exit(WEXITSTATUS(wait_status), s.greeted); *remedy != '\0')
        text += std::string("; ") + remedy;
    const bool try_again = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == int(WorkerExit::try_again);
    if (is_stable()) s.failures = s.own_failures = 0;
    s.unready = s.greeted ? 0 : s.unready + 1;
    if (s.phase == SlotPhase::killing || !WIFSIGNALED(wait_status) || WTERMSIG(wait_status) != SIGKILL)
      ++s.own_failures;
    s.lacks_limit = false;
    if (const std::string why = std::exchange(s.restarted_because, ""); !why.empty())
      text += "; it was restarted because " + why;
    record_loss(cause, std::move(text), wait_status);
    if (asked) {
      s.failures = s.unready = s.own_failures = 0;
      if (again) return launch();
      return enter(SlotPhase::stopped);
    }
    if (says_do_not_restart(wait_status)) return give_up(false);
    back_off(!s.greeted || try_again);
    if (keeps_failing(others_run)) give_up(try_again);
  }

  // Somebody asked: what was counted against it counts no more.
  void launch_anew() {
    s.failures = s.unready = s.own_failures = 0;
    if (s.lent) {
      s.restart_wanted = true;
      return;
    }
    launch();
  }

  void operator()(const StartRequested&) {
    switch (s.phase) {
      case SlotPhase::idle:
      case SlotPhase::failed:
      case SlotPhase::stopped:
        return launch_anew();
      case SlotPhase::stopping:
        s.restart_wanted = true;
        return;
      case SlotPhase::killing:
        if (s.killed_for == ExitCause::requested) s.restart_wanted = true;
        return;
      case SlotPhase::starting:
      case SlotPhase::running:
      case SlotPhase::unresponsive:
      case SlotPhase::backoff:
        return;
    }
  }

  void operator()(const RestartRequested& e) {
    switch (s.phase) {
      case SlotPhase::idle:
      case SlotPhase::failed:
      case SlotPhase::backoff:
        return launch_anew();
      case SlotPhase::starting:
        if (s.found) return ask_to_stop(true);
        // Nobody listens yet: there is nothing to drain either.
        s.restart_wanted = true;
        return kill(ExitCause::requested, "asked to restart before it had begun");
      case SlotPhase::running:
      case SlotPhase::unresponsive:
        s.restarted_because = e.why;
        return ask_to_stop(true);
      case SlotPhase::stopping:
      case SlotPhase::killing:
      case SlotPhase::stopped:
        return;
    }
  }

  void operator()(const StopRequested&) {
    switch (s.phase) {
      case SlotPhase::idle:
      case SlotPhase::backoff:
      case SlotPhase::failed:
        s.lent = s.restart_wanted = s.tries_again = s.lacks_limit = false;
        return enter(SlotPhase::stopped);
      case SlotPhase::starting:
        if (s.found) return ask_to_stop(false);
        s.restart_wanted = false;
        return kill(ExitCause::requested, "asked to stop before it had begun");
      case SlotPhase::running:
      case SlotPhase::unresponsive:
        return ask_to_stop(false);
      case SlotPhase::stopping:
        s.restart_wanted = false;
        return;
      case SlotPhase::killing:
        s.restart_wanted = false;
        s.killed_for = ExitCause::requested;
        return;
      case SlotPhase::stopped:
        return;
    }
  }

  void operator()(const Found& e) {
    if (s.phase != SlotPhase::idle) return;
    s.generation = e.generation;
    s.pid = e.pid;
    s.restarts = e.restarts;
    s.last_cause = e.last_cause;
    s.last_exit = e.last_exit;
    s.greeted = false;
    s.found = true;
    s.deadline = after(now, settings.adoption_timeout_ms);
    enter(SlotPhase::starting);
  }

  void operator()(const Launched& e) {
    if (s.phase != SlotPhase::starting || e.generation != s.generation) return;
    s.pid = e.pid;
  }

  void operator()(const LaunchFailed& e) {
    if (e.generation != s.generation) return;
    // It was asked to end before anybody knew that it is not there.
    if (s.phase == SlotPhase::killing && s.pid == 0 && !s.restart_wanted) {
      record_loss(ExitCause::launch_failed, launch_problem(e.stage, e.error_number), std::nullopt);
      return enter(SlotPhase::stopped);
    }
    if (s.phase != SlotPhase::starting && (s.phase != SlotPhase::killing || s.pid != 0)) return;
    ++s.unready;
    s.lacks_limit = is_limit(e.error_number);
    record_loss(ExitCause::launch_failed, launch_problem(e.stage, e.error_number), std::nullopt);
    back_off(true);
    if (keeps_failing(e.others_run)) give_up(s.lacks_limit);
  }

  void operator()(const Greeted& e) {
    if (e.generation != s.generation) return;
    if (s.phase != SlotPhase::starting) return (*this)(Heard{e.generation});
    s.greeted = true;
    s.tries_again = false;
    s.greeted_at = s.last_heard = s.ca_last_turned = now;
    enter(SlotPhase::running);
    actions.emplace_back(WelcomeWorker{});
  }

  void operator()(const Heard& e) {
    if (e.generation != s.generation) return;
    if (s.phase == SlotPhase::starting && s.found)
      s.deadline = std::min(after(now, settings.adoption_timeout_ms),
                            after(s.phase_since, settings.greeting_timeout_ms));
    if (s.phase != SlotPhase::running && s.phase != SlotPhase::unresponsive) return;
    s.last_heard = now;
    if (!e.ca_stands_still) s.ca_last_turned = now;
    note_still(e.ca_stands_still ? "its thread for requests to libca" : "");
    if (s.phase == SlotPhase::unresponsive && now < silent_at(s, settings)) enter(SlotPhase::running);
    if (is_stable()) s.failures = s.own_failures = 0;
  }

  void operator()(const StandsStill& e) {
    if (e.generation == s.generation) note_still(e.what);
  }

  void operator()(const BusyOnDisk& e) {
    if (e.generation != s.generation || s.phase != SlotPhase::unresponsive) return;
    s.last_heard = s.ca_last_turned = now;
    if (now < silent_at(s, settings)) enter(SlotPhase::running);
  }

  void operator()(const Exited& e) {
    if (e.generation != s.generation) return;
    switch (s.phase) {
      case SlotPhase::starting:
      case SlotPhase::running:
      case SlotPhase::unresponsive:
      case SlotPhase::stopping:
      case SlotPhase::killing:
        return on_dead(
            cause_of(e.wait_status),
            s.phase == SlotPhase::killing ? s.killed_because : how_it_ended(e.wait_status, e.words),
            e.wait_status, e.others_run);
      case SlotPhase::idle:
      case SlotPhase::backoff:
      case SlotPhase::failed:
      case SlotPhase::stopped:
        return;
    }
  }

  void operator()(const Lent&) {
    if (s.phase == SlotPhase::failed || s.phase == SlotPhase::idle) s.lent = true;
  }

  void operator()(const Returned&) {
    if (!std::exchange(s.lent, false)) return;
    const std::optional<MonotonicNs> due = next_deadline(s, settings);
    if (s.restart_wanted || (due && now >= *due)) launch();
  }

  void operator()(const Tick&) {
    const std::optional<MonotonicNs> due = next_deadline(s, settings);
    if (!due || now < *due) return;
    switch (s.phase) {
      case SlotPhase::starting:
        if (s.found) return kill(ExitCause::hang, "hung (it was found, and did not answer)");
        return kill(ExitCause::hang,
                    "it did not begin within " + std::to_string(settings.greeting_timeout_ms / 1000) + " s");
      case SlotPhase::unresponsive:
        return kill(ExitCause::hang, hung());
      case SlotPhase::running:
        return enter(SlotPhase::unresponsive);
      case SlotPhase::stopping:
        return kill(ExitCause::requested, "it did not end in the time that it was given");
      case SlotPhase::backoff:
      case SlotPhase::failed:
        return launch();
      case SlotPhase::idle:
      case SlotPhase::killing:
      case SlotPhase::stopped:
        return;
    }
  }
};

}  // namespace

const char* to_string(SlotPhase phase) {
  switch (phase) {
    case SlotPhase::idle:
      return "idle";
    case SlotPhase::starting:
      return "starting";
    case SlotPhase::running:
      return "running";
    case SlotPhase::unresponsive:
      return "unresponsive";
    case SlotPhase::stopping:
      return "stopping";
    case SlotPhase::killing:
      return "killing";
    case SlotPhase::backoff:
      return "backoff";
    case SlotPhase::failed:
      return "failed";
    case SlotPhase::stopped:
      return "stopped";
  }
  return "?";
}

int64_t ca_silence_limit_ms(double conn_tmo_s, int64_t silence_limit_ms) {
  return static_cast<int64_t>((conn_tmo_s + kEchoTimeoutS) * 1000) + silence_limit_ms;
}

std::vector<SlotAction> step(SlotState& state, const SlotEvent& event, MonotonicNs now,
                             const SlotSettings& settings, Generation next_generation, double jitter) {
  Step s{state, now, settings, next_generation, jitter, {}};
  std::visit(s, event);
  return std::move(s.actions);
}

std::optional<MonotonicNs> next_deadline(const SlotState& state, const SlotSettings& settings) {
  switch (state.phase) {
    case SlotPhase::starting:
    case SlotPhase::stopping:
      return state.deadline;
    case SlotPhase::running:
      return silent_at(state, settings);
    case SlotPhase::unresponsive:
      return after(state.phase_since, settings.kill_after_ms);
    case SlotPhase::backoff:
      return state.restart_at;
    case SlotPhase::failed:
      if (!state.tries_again || state.lent) return std::nullopt;
      return after(state.phase_since, settings.try_again_ms);
    case SlotPhase::idle:
    case SlotPhase::killing:
    case SlotPhase::stopped:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace e2k::supervisor
