// Pure. One slot of the fleet: when its worker is started, watched, stopped, started again.
//
// step(state, event, now) -> actions. The mechanism beside it (launcher, link) carries the actions out and
// reports what happened as events; events of an older generation are ignored by their generation number.
// Back-off doubles from 100 ms to max_restart_delay with a fifth of jitter (drawn by the caller) and is
// forgotten after the worker has run for a minute. A worker that dies before its first greeting is throttled:
// its delay begins at one second; so does that of one which exits with try_again. An exit code that says "do
// not restart" (WorkerExit::bad_settings, protocol, not_launched) ends in `failed`, until somebody asks.
//
// A worker of an earlier supervisor is *found*: its slot is starting until it greets, and it can be asked to
// drain meanwhile. One that is not heard of for adoption_timeout, or does not greet within greeting_timeout,
// is killed like one that hangs.
//
//                start      restart          stop        greeted   heard     exited             tick
//   idle         starting   starting         stopped     .         .         .                  .
//   starting     .          killing, again   killing     running   .         backoff, failed    killing
//   running      .          stopping, again  stopping    .         .         backoff, failed    unresponsive
//   unresponsive .          stopping, again  stopping    running   running   backoff, failed    killing
//   stopping     again      .                not again   .         .         stopped, starting  killing
//   killing      again      .                not again   .         .         any of these four  .
//   backoff      .          starting         stopped     .         .         .                  starting
//   failed       starting   starting         stopped     .         .         .                  starting
//     , lent     again      again            stopped     .         .         .                  .
//   stopped      starting   .                .           .         .         .                  .
//
// "again" is restart_wanted. A slot that was told to stop for good is not brought back by a restart, only by
// a start. A kill for a hang leads to backoff, one for a stop to starting or stopped. An unresponsive worker
// is killed after kill_after more, counted from the Tick that found it silent: a supervisor that was itself
// suspended gives every worker that time. One whose thread waits for a disk is not silent (BusyOnDisk).
// Together the two limits, half a second between heartbeats and the start of the next one stay below five
// seconds.
//
// A slot that keeps failing while others run is given up after max_unready deaths in a row without a
// greeting, or max_failures at all: what the whole machine lacks fails all of them, and passes. One that was
// given up over what time may mend (it exits with try_again, or a limit is reached) is tried again every
// try_again_ms. While another worker has its logs (Lent) it is not started; who asks is heard when they are
// back (Returned).
//
// A worker is silent when nothing is heard of it, or its publishing stands still, for silence_limit; or when
// its *ca* thread alone stands still for ca_silence_limit. That one may wait in libca until a circuit counts
// as dead (EPICS_CA_CONN_TMO, and the echo that libca tries then): meanwhile events go on and nothing is
// wrong with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "supervisor/fleet/obituary.h"

namespace e2k::supervisor {

enum class SlotPhase {
  idle,          // waits for start()
  starting,      // launched; waits for the greeting, or the exit
  running,       // greeted and welcomed; waits for nothing
  unresponsive,  // silent for longer than silence_limit; waits for a sign of life, or the kill
  stopping,      // asked to drain; waits for the exit, or the deadline
  killing,       // SIGKILL sent; waits for the exit
  backoff,       // dead; waits for restart_at
  failed,        // dead and not to be restarted; waits for a request
  stopped,       // dead because asked to; final unless started again
};
const char* to_string(SlotPhase phase);

struct SlotSettings {
  int64_t max_restart_delay_ms = 30'000;
  int64_t drain_timeout_ms = 10'000;
  int64_t greeting_timeout_ms = 30'000;
  int64_t adoption_timeout_ms = 5'000;  // below greeting_timeout
  int64_t silence_limit_ms = 2'500;     // a worker publishes a turn, and a heartbeat, once a second and more
  int64_t kill_after_ms = 1'500;
  int64_t ca_silence_limit_ms = 37'500;  // above what libca may hold the *ca* thread up: see below
  int64_t stable_after_ms = 60'000;
  uint32_t max_unready = 5;
  uint32_t max_failures = 20;
  int64_t try_again_ms = 60'000;  // after one that was given up over what time may mend
  int64_t exit_grace_ms = 5'000;  // past the drain's time-out, before the kill
};

// Events.
struct StartRequested {};
struct Found {  // a worker of an earlier supervisor, and what is known of its slot
  Generation generation;
  int32_t pid;
  uint64_t restarts = 0;
  ExitCause last_cause = ExitCause::none;
  std::string last_exit = {};
};
struct Launched {
  Generation generation;
  int32_t pid;
};
struct LaunchFailed {
  Generation generation;
  std::string stage;
  int error_number;
  bool others_run = false;
};
struct Greeted {
  Generation generation;
};
struct Heard {
  Generation generation;
  bool ca_stands_still = false;  // all turned but the *ca* thread
};                               // any message
// A message that shows no progress: `what` stands still, "its publish thread".
struct StandsStill {
  Generation generation;
  std::string what;
};
// The thread that stands still waits for a disk.
struct BusyOnDisk {
  Generation generation;
};
struct Exited {
  Generation generation;
  int wait_status;          // as waitid's siginfo composed into wait(2)'s status
  std::string words = {};   // what the worker wrote before it left
  bool others_run = false;  // another slot of the fleet does
};
struct StopRequested {};  // for good: the service ends or the fleet shrinks
struct RestartRequested {
  std::string why = {};  // told with its exit; "": somebody asked
};
struct Lent {};      // another worker has its logs, which it must not touch
struct Returned {};  // nobody has
struct Tick {};
using SlotEvent = std::variant<StartRequested, Found, Launched, LaunchFailed, Greeted, Heard, StandsStill,
                               BusyOnDisk, Exited, StopRequested, RestartRequested, Lent, Returned, Tick>;

// Actions.
struct LaunchWorker {
  Generation generation;
};
struct WelcomeWorker {};  // reset the link's numbering, send Welcome, then everything that is assigned
struct SendStop {
  int64_t drain_timeout_ms;
};
struct KillWorker {};  // SIGKILL through the pidfd
struct LostWorker {
  ExitCause cause;
  std::string text;
  Generation generation;           // whose end it was: a launch in the same step has moved the state on
  std::optional<int> wait_status;  // none: it could not be launched
};                                 // dead: its link is closed, its entries are unserved
struct GaveUp {
  std::string text;
};  // `failed` was reached; an operator must act
using SlotAction = std::variant<LaunchWorker, WelcomeWorker, SendStop, KillWorker, LostWorker, GaveUp>;

struct SlotState {
  SlotPhase phase = SlotPhase::idle;
  Generation generation;  // of the worker that lives, or last lived
  int32_t pid = 0;
  MonotonicNs phase_since;
  MonotonicNs last_heard;
  MonotonicNs ca_last_turned;   // likewise, of the *ca* thread
  MonotonicNs restart_at;       // in backoff
  MonotonicNs deadline;         // in starting, stopping
  uint32_t failures = 0;        // in a row, for the back-off
  uint32_t unready = 0;         // likewise, of those that never greeted
  uint32_t own_failures = 0;    // likewise, but for what somebody killed
  bool lacks_limit = false;     // the last failure was a limit of the machine or of this user
  bool tries_again = false;     // it was given up over what time may mend, and has not greeted since
  bool greeted = false;         // this generation did
  bool found = false;           // it was not launched by this supervisor
  bool lent = false;            // in failed, idle: another worker has its logs
  bool restart_wanted = false;  // while stopping or lent: start again afterwards
  uint64_t restarts = 0;
  ExitCause last_cause = ExitCause::none;
  std::string last_exit;  // "signal 11 (SIGSEGV), core dumped", "exit 78: …"
  MonotonicNs greeted_at;
  ExitCause killed_for = ExitCause::none;  // in killing: hang or requested
  std::string restarted_because;           // of the restart that is under way
  std::string killed_because;              // likewise, in words
  std::string still;                       // what stands still; "": nothing is known to
  MonotonicNs still_at;                    // with `still`: when it was told last
};

// So long, and a margin, the *ca* thread may stand still where EPICS_CA_CONN_TMO is this.
int64_t ca_silence_limit_ms(double conn_tmo_s, int64_t silence_limit_ms);

// `next_generation` is used if a launch is decided; `jitter` is uniform in [0, 1).
std::vector<SlotAction> step(SlotState& state, const SlotEvent& event, MonotonicNs now,
                             const SlotSettings& settings, Generation next_generation, double jitter);

// When the next Tick is due at the latest; nothing while only events can change anything.
std::optional<MonotonicNs> next_deadline(const SlotState& state, const SlotSettings& settings);

}  // namespace e2k::supervisor
