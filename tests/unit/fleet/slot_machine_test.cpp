// Every rule of a slot as a sentence, on a clock that the test moves.
#include "supervisor/fleet/slot_machine.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>

namespace e2k::supervisor {
namespace {

constexpr int exited(int code) {
  return code << 8;
}
constexpr int signalled(int signal) {
  return signal;
}

// A slot, its clock, and what it asked for last.
class SlotMachine : public testing::Test {
protected:
  SlotState state;
  SlotSettings settings;
  MonotonicNs now{1'000'000'000'000};
  uint32_t next = 1;
  double jitter = 0;
  std::vector<SlotAction> actions;

  void on(const SlotEvent& event) {
    actions = step(state, event, now, settings, Generation{next}, jitter);
    if (asked<LaunchWorker>()) ++next;
  }
  void pass(int64_t ms) {
    now.value += ms * kNsPerMs;
    on(Tick{});
  }
  template <class A>
  const A* asked() const {
    for (const SlotAction& a : actions)
      if (const A* found = std::get_if<A>(&a)) return found;
    return nullptr;
  }
  void start() {
    on(StartRequested{});
    on(Launched{state.generation, 100});
  }
  void run() {
    start();
    on(Greeted{state.generation});
  }
  void die(int wait_status = signalled(SIGKILL)) { on(Exited{state.generation, wait_status}); }
  void give_up_over_what_time_may_mend() {
    on(StartRequested{});
    for (uint32_t i = 0; i < settings.max_unready; ++i) {
      on(Launched{state.generation, 100});
      on(Exited{state.generation, 75 << 8, "", true});
      if (state.phase == SlotPhase::backoff) pass(60'000);
    }
  }
  int64_t delay_ms() const { return (state.restart_at.value - now.value) / kNsPerMs; }
};

TEST_F(SlotMachine, is_launched_when_started_and_welcomed_when_it_greets) {
  on(StartRequested{});
  ASSERT_TRUE(asked<LaunchWorker>());
  EXPECT_EQ(asked<LaunchWorker>()->generation, Generation{1});
  EXPECT_EQ(state.phase, SlotPhase::starting);
  on(Launched{Generation{1}, 77});
  EXPECT_EQ(state.pid, 77);
  on(Greeted{Generation{1}});
  EXPECT_TRUE(asked<WelcomeWorker>());
  EXPECT_EQ(state.phase, SlotPhase::running);
  EXPECT_EQ(state.restarts, 0u);
}

TEST_F(SlotMachine, a_second_greeting_is_not_welcomed_again) {
  run();
  on(Greeted{state.generation});
  EXPECT_TRUE(actions.empty());
}

TEST_F(SlotMachine, worker_that_crashes_is_restarted_after_a_doubling_delay) {
  run();
  for (int64_t expected : {100, 200, 400, 800, 1600}) {
    die(signalled(SIGSEGV));
    ASSERT_TRUE(asked<LostWorker>());
    EXPECT_EQ(asked<LostWorker>()->cause, ExitCause::crash);
    EXPECT_EQ(state.phase, SlotPhase::backoff);
    EXPECT_EQ(delay_ms(), expected);
    pass(expected - 1);
    EXPECT_TRUE(actions.empty());
    pass(1);
    ASSERT_TRUE(asked<LaunchWorker>());
    on(Launched{state.generation, 1});
    on(Greeted{state.generation});
  }
  EXPECT_EQ(state.restarts, 5u);
}

TEST_F(SlotMachine, delay_never_exceeds_the_configured_one) {
  settings.max_restart_delay_ms = 3'000;
  run();
  for (int i = 0; i < 60; ++i) {
    die();
    EXPECT_LE(delay_ms(), 3'000);
    pass(3'000);
    on(Greeted{state.generation});
  }
  die();
  EXPECT_EQ(delay_ms(), 3'000);
}

TEST_F(SlotMachine, jitter_takes_up_to_a_fifth_off_the_delay) {
  jitter = 0.5;
  run();
  die();
  EXPECT_EQ(delay_ms(), 90);
}

TEST_F(SlotMachine, worker_that_dies_before_ready_is_throttled) {
  start();
  die(exited(1));
  EXPECT_EQ(delay_ms(), 1'000);
  pass(1'000);
  die(exited(1));
  EXPECT_EQ(delay_ms(), 2'000);
}

TEST_F(SlotMachine, worker_that_lacked_a_resource_is_throttled_too) {
  run();
  die(exited(75));
  EXPECT_EQ(delay_ms(), 1'000);
}

TEST_F(SlotMachine, a_resource_that_is_missing_is_tried_for_as_long_as_it_takes) {
  start();
  for (int i = 0; i < 200; ++i) {
    die(exited(75));
    ASSERT_EQ(state.phase, SlotPhase::backoff) << i;
    ASSERT_FALSE(asked<GaveUp>()) << i;
    ASSERT_LE(delay_ms(), 30'000) << i;
    pass(30'000);
    ASSERT_EQ(state.phase, SlotPhase::starting) << i;
  }
}

TEST_F(SlotMachine, failures_are_forgotten_after_a_minute_of_work) {
  run();
  for (int i = 0; i < 5; ++i) {
    die();
    pass(30'000);
    on(Greeted{state.generation});
  }
  EXPECT_EQ(state.failures, 5u);
  now.value += 60'000 * kNsPerMs;
  on(Heard{state.generation});
  EXPECT_EQ(state.failures, 0u);
  die();
  EXPECT_EQ(delay_ms(), 100);
}

TEST_F(SlotMachine, a_minute_of_work_counts_also_when_nothing_was_heard_at_its_end) {
  run();
  die();
  pass(100);
  on(Greeted{state.generation});
  now.value += 61'000 * kNsPerMs;
  die();
  EXPECT_EQ(delay_ms(), 100);
}

TEST_F(SlotMachine, exit_codes_that_say_so_end_in_failed) {
  for (int code : {78, 76, 64}) {
    state = {};
    run();
    die(exited(code));
    EXPECT_EQ(state.phase, SlotPhase::failed) << code;
    ASSERT_TRUE(asked<GaveUp>()) << code;
    EXPECT_NE(asked<GaveUp>()->text.find("exit " + std::to_string(code)), std::string::npos);
    EXPECT_EQ(next_deadline(state, settings), std::nullopt);
  }
}

TEST_F(SlotMachine, a_failed_slot_starts_again_when_asked) {
  run();
  die(exited(78));
  on(RestartRequested{});
  EXPECT_TRUE(asked<LaunchWorker>());
  EXPECT_EQ(state.failures, 0u);
}

TEST_F(SlotMachine, lease_lapsed_is_an_exit_and_is_restarted) {
  run();
  die(exited(79));
  EXPECT_EQ(state.phase, SlotPhase::backoff);
  EXPECT_EQ(state.last_cause, ExitCause::exit);
  EXPECT_NE(state.last_exit.find("exit 79"), std::string::npos);
}

TEST_F(SlotMachine, worker_drained_by_an_operators_signal_comes_back) {
  run();
  die(exited(0));
  EXPECT_EQ(state.phase, SlotPhase::backoff);
  EXPECT_EQ(delay_ms(), 100);
}

TEST_F(SlotMachine, reports_of_an_older_generation_are_ignored) {
  run();
  const Generation old = state.generation;
  die();
  pass(100);
  on(Launched{state.generation, 200});
  ASSERT_EQ(state.phase, SlotPhase::starting);
  on(Greeted{old});
  on(Heard{old});
  on(Exited{old, signalled(SIGKILL)});
  on(Launched{old, 999});
  on(LaunchFailed{old, "exec", ENOENT});
  EXPECT_EQ(state.phase, SlotPhase::starting);
  EXPECT_EQ(state.pid, 200);
  EXPECT_TRUE(actions.empty());
}

TEST_F(SlotMachine, launch_that_fails_names_stage_and_reason_and_is_throttled) {
  on(StartRequested{});
  on(LaunchFailed{state.generation, "exec /x", ENOENT});
  ASSERT_TRUE(asked<LostWorker>());
  EXPECT_EQ(asked<LostWorker>()->cause, ExitCause::launch_failed);
  EXPECT_TRUE(
      asked<LostWorker>()->text.starts_with("could not be started: exec /x: No such file or directory"));
  EXPECT_EQ(delay_ms(), 1'000);
  pass(1'000);
  EXPECT_TRUE(asked<LaunchWorker>());
}

TEST_F(SlotMachine, worker_that_never_greets_is_killed_and_throttled) {
  start();
  pass(settings.greeting_timeout_ms - 1);
  EXPECT_TRUE(actions.empty());
  pass(1);
  EXPECT_TRUE(asked<KillWorker>());
  EXPECT_EQ(state.phase, SlotPhase::killing);
  die();
  EXPECT_EQ(state.last_cause, ExitCause::hang);
  EXPECT_EQ(delay_ms(), 1'000);
}

TEST_F(SlotMachine, silence_makes_unresponsive_and_some_more_of_it_kills) {
  run();
  pass(settings.silence_limit_ms);
  EXPECT_EQ(state.phase, SlotPhase::unresponsive);
  EXPECT_TRUE(actions.empty());
  pass(settings.kill_after_ms - 1);
  EXPECT_TRUE(actions.empty());
  pass(1);
  EXPECT_TRUE(asked<KillWorker>());
  die();
  EXPECT_EQ(state.last_cause, ExitCause::hang);
  EXPECT_EQ(state.phase, SlotPhase::backoff);
}

TEST_F(SlotMachine, a_sign_of_life_ends_unresponsive) {
  run();
  pass(settings.silence_limit_ms);
  on(Heard{state.generation});
  EXPECT_EQ(state.phase, SlotPhase::running);
  pass(settings.silence_limit_ms - 1);
  EXPECT_EQ(state.phase, SlotPhase::running);
}

TEST_F(SlotMachine, worker_whose_ca_thread_waits_for_a_dead_circuit_is_left_alone) {
  settings.ca_silence_limit_ms = ca_silence_limit_ms(30, settings.silence_limit_ms);
  run();
  // 30 s until libca doubts the circuit, 5 s until it gives it up; publishing and the link go on meanwhile.
  for (int second = 0; second < 36; ++second) {
    on(Heard{state.generation, true});
    pass(1'000);
    ASSERT_EQ(state.phase, SlotPhase::running) << second;
  }
  on(Heard{state.generation});
  pass(settings.silence_limit_ms - 1);
  EXPECT_EQ(state.phase, SlotPhase::running);
}

TEST_F(SlotMachine, worker_whose_ca_thread_never_turns_again_is_killed_although_it_is_heard) {
  run();
  const MonotonicNs begun = now;
  while (!asked<KillWorker>() && now.value - begun.value < 1000 * kNsPerSecond) {
    on(Heard{state.generation, true});
    pass(1'000);
  }
  ASSERT_TRUE(asked<KillWorker>());
  EXPECT_NEAR(double((now.value - begun.value) / kNsPerMs),
              double(settings.ca_silence_limit_ms + settings.kill_after_ms), 1'000);
  die();
  EXPECT_EQ(state.last_cause, ExitCause::hang);
}

TEST_F(SlotMachine, worker_that_publishes_no_more_is_killed_as_before_although_its_ca_thread_turns) {
  run();
  pass(settings.silence_limit_ms);  // nothing counts as heard
  EXPECT_EQ(state.phase, SlotPhase::unresponsive);
  pass(settings.kill_after_ms);
  EXPECT_TRUE(asked<KillWorker>());
}

TEST_F(SlotMachine, publishing_that_goes_on_ends_unresponsive_while_the_ca_thread_may_still_wait) {
  run();
  pass(settings.silence_limit_ms);
  ASSERT_EQ(state.phase, SlotPhase::unresponsive);
  on(Heard{state.generation, true});
  EXPECT_EQ(state.phase, SlotPhase::running);
}

TEST_F(SlotMachine, the_ca_threads_limit_is_above_what_libca_may_hold_it_up) {
  EXPECT_EQ(ca_silence_limit_ms(30, 15'000), 50'000);
  EXPECT_EQ(ca_silence_limit_ms(0.1, 15'000), 20'100);
  EXPECT_EQ(SlotSettings{}.ca_silence_limit_ms, ca_silence_limit_ms(30, SlotSettings{}.silence_limit_ms));
}

TEST_F(SlotMachine, a_hung_worker_is_killed_so_early_that_its_successor_runs_within_five_seconds) {
  const int64_t heartbeat_ms = 500, start_ms = 200;
  EXPECT_LE(heartbeat_ms + settings.silence_limit_ms + settings.kill_after_ms + start_ms, 5'000);
}

TEST_F(SlotMachine, who_was_killed_for_a_hang_is_said_to_have_been_and_what_stood_still) {
  run();
  for (int64_t ms = 0; ms < settings.silence_limit_ms + settings.kill_after_ms; ms += 500) {
    on(StandsStill{state.generation, "its publish thread"});
    pass(500);
  }
  die();
  EXPECT_EQ(state.last_exit, "killed by the supervisor: hung (its publish thread stood still for 4 s)");
  pass(delay_ms());
  on(Greeted{state.generation});
  pass(settings.silence_limit_ms);
  pass(settings.kill_after_ms);
  die();
  EXPECT_EQ(state.last_exit, "killed by the supervisor: hung (nothing was heard of it for 4 s)");
}

TEST_F(SlotMachine, what_stood_still_once_before_nothing_was_heard_is_not_named) {
  run();
  on(StandsStill{state.generation, "its publish thread"});
  pass(settings.silence_limit_ms);
  pass(settings.kill_after_ms);
  die();
  EXPECT_EQ(state.last_exit, "killed by the supervisor: hung (nothing was heard of it for 4 s)");
}

TEST_F(SlotMachine, what_moved_again_before_is_not_named) {
  run();
  on(StandsStill{state.generation, "its publish thread"});
  on(Heard{state.generation});
  pass(settings.silence_limit_ms);
  pass(settings.kill_after_ms);
  die();
  EXPECT_NE(state.last_exit.find("nothing was heard"), std::string::npos) << state.last_exit;
}

TEST_F(SlotMachine, a_thread_that_waits_for_a_disk_is_given_the_time_for_it) {
  run();
  for (int i = 0; i < 20; ++i) {
    pass(settings.silence_limit_ms);
    ASSERT_EQ(state.phase, SlotPhase::unresponsive);
    on(BusyOnDisk{state.generation});
    ASSERT_EQ(state.phase, SlotPhase::running);
  }
}

TEST_F(SlotMachine, one_that_never_gets_ready_fails_alone_while_others_run) {
  start();
  for (uint32_t i = 1; i < settings.max_unready; ++i) {
    on(Exited{state.generation, exited(1), "", true});
    ASSERT_EQ(state.phase, SlotPhase::backoff);
    pass(delay_ms());
  }
  on(Exited{state.generation, exited(1), "", true});
  EXPECT_TRUE(asked<GaveUp>());
  EXPECT_EQ(state.phase, SlotPhase::failed);
  on(RestartRequested{});
  EXPECT_TRUE(asked<LaunchWorker>());
  on(Exited{state.generation, exited(1), "", true});
  EXPECT_EQ(state.phase, SlotPhase::backoff);
}

TEST_F(SlotMachine, where_no_slot_runs_none_is_given_up) {
  start();
  for (int i = 0; i < 100; ++i) {
    on(Exited{state.generation, exited(1), "", false});
    ASSERT_EQ(state.phase, SlotPhase::backoff);
    pass(delay_ms());
  }
}

TEST_F(SlotMachine, one_that_crashes_on_and_on_fails_and_one_that_is_killed_does_not) {
  run();
  for (int i = 0; i < 100; ++i) {
    on(Exited{state.generation, signalled(SIGKILL), "", true});
    ASSERT_EQ(state.phase, SlotPhase::backoff);
    pass(delay_ms());
    on(Greeted{state.generation});
  }
  for (uint32_t i = 1; i < settings.max_failures; ++i) {
    on(Exited{state.generation, signalled(SIGSEGV), "", true});
    ASSERT_EQ(state.phase, SlotPhase::backoff);
    pass(delay_ms());
    on(Greeted{state.generation});
  }
  on(Exited{state.generation, signalled(SIGSEGV), "", true});
  EXPECT_EQ(state.phase, SlotPhase::failed);
}

TEST_F(SlotMachine, a_launch_that_fails_names_stage_errno_and_remedy) {
  on(StartRequested{});
  on(LaunchFailed{state.generation, "fork", EAGAIN});
  for (const char* word : {"fork", "EAGAIN", "TasksMax="})
    EXPECT_NE(state.last_exit.find(word), std::string::npos) << state.last_exit;
  EXPECT_TRUE(state.lacks_limit);
}

TEST_F(SlotMachine, a_worker_that_the_loader_could_not_load_is_told_with_the_remedy) {
  start();
  die(exited(127));
  EXPECT_NE(state.last_exit.find("library"), std::string::npos) << state.last_exit;
}

TEST_F(SlotMachine, supervisor_that_was_suspended_gives_its_workers_time) {
  run();
  pass(10 * settings.silence_limit_ms);
  EXPECT_EQ(state.phase, SlotPhase::unresponsive);
  EXPECT_FALSE(asked<KillWorker>());
  on(Heard{state.generation});
  EXPECT_EQ(state.phase, SlotPhase::running);
}

TEST_F(SlotMachine, restart_drains_and_launches_at_once) {
  run();
  on(RestartRequested{});
  ASSERT_TRUE(asked<SendStop>());
  EXPECT_EQ(asked<SendStop>()->drain_timeout_ms, settings.drain_timeout_ms);
  die(exited(0));
  EXPECT_EQ(asked<LostWorker>()->cause, ExitCause::requested);
  EXPECT_EQ(asked<LostWorker>()->generation, Generation{1});
  ASSERT_TRUE(asked<LaunchWorker>());
  EXPECT_EQ(asked<LaunchWorker>()->generation, Generation{2});
  EXPECT_EQ(state.restarts, 1u);
}

TEST_F(SlotMachine, worker_that_crashes_while_it_drains_is_replaced_at_once_and_called_a_crash) {
  run();
  on(RestartRequested{});
  die(signalled(SIGSEGV));
  EXPECT_EQ(state.last_cause, ExitCause::crash);
  EXPECT_TRUE(asked<LaunchWorker>());
}

TEST_F(SlotMachine, stop_ends_in_stopped) {
  run();
  on(StopRequested{});
  EXPECT_TRUE(asked<SendStop>());
  EXPECT_EQ(state.phase, SlotPhase::stopping);
  die(exited(0));
  EXPECT_EQ(state.phase, SlotPhase::stopped);
  EXPECT_FALSE(asked<LaunchWorker>());
}

TEST_F(SlotMachine, stop_that_is_ignored_ends_in_a_kill) {
  run();
  on(StopRequested{});
  pass(settings.drain_timeout_ms + settings.exit_grace_ms - 1);
  EXPECT_TRUE(actions.empty());
  pass(1);
  EXPECT_TRUE(asked<KillWorker>());
  die();
  EXPECT_EQ(state.phase, SlotPhase::stopped);
  EXPECT_EQ(state.last_cause, ExitCause::requested);
}

TEST_F(SlotMachine, a_restart_while_stopping_for_good_does_not_bring_it_back) {
  run();
  on(StopRequested{});
  on(RestartRequested{});
  die(exited(0));
  EXPECT_EQ(state.phase, SlotPhase::stopped);
}

TEST_F(SlotMachine, a_start_while_stopping_brings_it_back) {
  run();
  on(StopRequested{});
  on(StartRequested{});
  die(exited(0));
  EXPECT_TRUE(asked<LaunchWorker>());
}

TEST_F(SlotMachine, a_stop_overtakes_a_restart) {
  run();
  on(RestartRequested{});
  on(StopRequested{});
  die(exited(0));
  EXPECT_EQ(state.phase, SlotPhase::stopped);
}

TEST_F(SlotMachine, stop_before_the_greeting_kills) {
  start();
  on(StopRequested{});
  EXPECT_TRUE(asked<KillWorker>());
  die();
  EXPECT_EQ(state.phase, SlotPhase::stopped);
}

TEST_F(SlotMachine, restart_before_the_greeting_kills_and_launches) {
  start();
  on(RestartRequested{});
  EXPECT_TRUE(asked<KillWorker>());
  die();
  EXPECT_TRUE(asked<LaunchWorker>());
}

TEST_F(SlotMachine, stop_while_a_hung_worker_is_being_killed_is_final) {
  run();
  pass(settings.silence_limit_ms);
  pass(settings.kill_after_ms);
  ASSERT_EQ(state.phase, SlotPhase::killing);
  on(StopRequested{});
  die();
  EXPECT_EQ(state.phase, SlotPhase::stopped);
}

TEST_F(SlotMachine, restart_during_backoff_does_not_wait) {
  run();
  die();
  on(RestartRequested{});
  EXPECT_TRUE(asked<LaunchWorker>());
}

TEST_F(SlotMachine, stop_during_backoff_is_final_at_once) {
  run();
  die();
  on(StopRequested{});
  EXPECT_EQ(state.phase, SlotPhase::stopped);
  pass(60'000);
  EXPECT_TRUE(actions.empty());
}

TEST_F(SlotMachine, an_idle_or_stopped_slot_has_no_deadline) {
  EXPECT_EQ(next_deadline(state, settings), std::nullopt);
  on(StopRequested{});
  EXPECT_EQ(state.phase, SlotPhase::stopped);
  EXPECT_EQ(next_deadline(state, settings), std::nullopt);
}

TEST_F(SlotMachine, a_worker_s_own_words_stand_in_its_last_exit_and_in_what_it_gave_up_for) {
  on(StartRequested{});
  const auto actions =
      step(state, Exited{state.generation, exited(78), "no such file"}, now, settings, Generation{99}, 0);
  EXPECT_EQ(state.last_exit, "exit 78: refused its settings (no such file)");
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(std::get<LostWorker>(actions[0]).wait_status, exited(78));
  EXPECT_EQ(std::get<GaveUp>(actions[1]).text, state.last_exit);
}

TEST_F(SlotMachine, one_that_is_stopped_while_its_launch_fails_stops) {
  on(StartRequested{});
  const Generation launched = asked<LaunchWorker>()->generation;
  on(StopRequested{});
  on(LaunchFailed{launched, "fork", EAGAIN, false});
  pass(3'600'000);
  EXPECT_EQ(state.phase, SlotPhase::stopped) << to_string(state.phase);
}

TEST_F(SlotMachine, one_that_is_given_up_over_what_time_may_mend_is_tried_again_once_a_minute) {
  give_up_over_what_time_may_mend();
  ASSERT_EQ(state.phase, SlotPhase::failed);
  pass(settings.try_again_ms - 1);
  EXPECT_EQ(state.phase, SlotPhase::failed);
  pass(1);
  ASSERT_EQ(state.phase, SlotPhase::starting);
  EXPECT_TRUE(state.tries_again) << "until it has greeted it is as it was";
  on(Launched{state.generation, 100});
  on(Greeted{state.generation});
  EXPECT_FALSE(state.tries_again);
}

TEST_F(SlotMachine, one_whose_logs_are_lent_is_started_when_they_are_back_if_somebody_asked) {
  run();
  die(exited(78));
  ASSERT_EQ(state.phase, SlotPhase::failed);
  on(Lent{});
  on(RestartRequested{});
  EXPECT_EQ(state.phase, SlotPhase::failed);
  EXPECT_TRUE(state.restart_wanted);
  on(Returned{});
  EXPECT_EQ(state.phase, SlotPhase::starting);
  EXPECT_FALSE(state.restart_wanted);
}

TEST_F(SlotMachine, one_whose_logs_were_lent_waits_for_somebody_who_asks) {
  run();
  die(exited(78));
  on(Lent{});
  on(Returned{});
  EXPECT_EQ(state.phase, SlotPhase::failed);
  on(RestartRequested{});
  EXPECT_EQ(state.phase, SlotPhase::starting);
}

TEST_F(SlotMachine, one_whose_logs_are_lent_is_not_tried_again_before_they_are_back) {
  give_up_over_what_time_may_mend();
  on(Lent{});
  pass(2 * settings.try_again_ms);
  EXPECT_EQ(state.phase, SlotPhase::failed);
  on(Returned{});
  EXPECT_EQ(state.phase, SlotPhase::starting) << "at once, before it is lent again";
}

TEST_F(SlotMachine, logs_of_a_slot_that_serves_are_not_lent) {
  run();
  on(Lent{});
  EXPECT_FALSE(state.lent);
}

}  // namespace
}  // namespace e2k::supervisor
