// Pure. One entry that goes over from the worker that serves it to another one, so that no event is lost,
// none comes out of order, and hardly any twice.
//
//   preparing   Both have a subscription. What the old one receives is published; the new one keeps what it
//               receives in its log and *holds* it: nothing of it goes out.
//               Once the old one has received what the new one has received, it is told to clear its
//               subscription, and the entry goes over.
//   releasing   The new one alone receives, and still holds. When the removal was applied and the old one's
//               last event is settled, the new one is told which event that was: what it holds from behind
//               that one on goes out. An event that neither stamp nor bytes tell apart is repeated rather
//               than lost.
//   activating  The new one was told, and has not said that it applied it. If it dies its successor is told.
//   done, given_up
//
// Where there is nobody to hand over from (the old worker is dead, or only left events behind) it begins with
// releasing. Whoever dies: the log of the dead one stays, its successor reads it, and what is held stays held
// (proto/ledger_format.h: Hold). So a death costs nothing that the other one received.
//
// Deadlines. A new worker that receives nothing within kPrepareNs is given up: the old one keeps the entry,
// the new one forgets it and drops what it holds, which the old one has published. Where the old one has to
// go, the entry goes over after kMustGoNs all the same; what comes between is not received. Where stamps run
// backwards the old one never receives "that event or a later one": kMeetNs after the new one's first event
// it goes over as well. An old worker that is dead and has no successor within kNoSuccessorNs, or has failed
// while nobody drains its logs, keeps nobody waiting: its events come later then, out of order. While it
// lives, and Kafka takes nothing, the new one waits with it.
#pragma once

#include <cstdint>
#include <optional>

#include "common/clock.h"

namespace e2k::supervisor {

enum class HandoverState : uint8_t { preparing, releasing, activating, done, given_up };
const char* to_string(HandoverState state);  // "preparing", …

// What ledgers and fleet say while it is prepared.
struct PreparingFacts {
  bool old_lives = true;      // its process
  bool old_receives = true;   // it is connected and brings events
  bool old_must_go = false;   // its slot is closed
  uint64_t old_stamp = 0;     // of its last event
  bool new_failed = false;    // its slot has failed, or is to give its channels up
  bool new_applied = false;   // it has the entry
  bool new_received = false;  // it holds an event
  uint64_t new_stamp = 0;     // of its last event
};

class Handover {
public:
  static constexpr int64_t kPrepareNs = 10 * kNsPerSecond, kMeetNs = 2 * kNsPerSecond,
                           kMustGoNs = 60 * kNsPerSecond, kNoSuccessorNs = 30 * kNsPerSecond;

  enum class Step : uint8_t {
    wait,
    go_over,  // the old one clears its subscription; it serves the entry no more
    give_up,  // the new one forgets it
  };

  Handover(HandoverState begun, MonotonicNs now) : state_(begun), since_(now) {}
  HandoverState state() const { return state_; }

  // While preparing.
  Step step(const PreparingFacts& facts, MonotonicNs now);
  // Nothing of it is left where it was: true: the new one is to be told.
  bool old_left();
  // Its new worker is not started again: it is over, what it holds waits for its successor.
  void new_failed();
  // The new one applied what it was told.
  void applied();

private:
  HandoverState state_;
  MonotonicNs since_;
  std::optional<MonotonicNs> met_from_;  // when the new one's first event was seen
  uint64_t met_stamp_ = 0;
};

// Whether what left a place is gone from there.
struct LeavingFacts {
  bool lives = true;    // the worker, or its successor, is there and has its books
  bool failed = false;  // it is not started again by itself, and nobody drains its logs
  bool applied = true;  // the removal
  bool waits = false;   // events of it are not settled
};
enum class Left : uint8_t { no, yes, late };
// `dead_since`: when the worker was last seen alive before; kept by the caller.
Left judge_leaving(const LeavingFacts& facts, std::optional<MonotonicNs>& dead_since, MonotonicNs now);

}  // namespace e2k::supervisor
