// Pure. The worker's side of the control conversation: greet, serve, drain, leave.
//
// step(state, event, now, facts) -> actions. The shell beside it (link.h) owns the socket, asks Monitors and
// Publishing for the facts, and carries the actions out in their order.
//
//   greeting   Hello every hello_interval, until Welcome
//   serving    Assign n is posted when it is the next number; an older one is answered with Applied, a newer
//   one
//              dropped: the supervisor repeats what stays unapplied. A second Welcome changes nothing.
//   regreeting it was asked who it is, by a supervisor that takes it over: once all that was posted is
//   applied,
//              Hello every hello_interval until the Welcome of that conversation, then serving, with numbers
//              from 1; meanwhile it serves what it has and takes nothing
//   draining   everything was asked to be cleared; leaves when nothing waits for Kafka, or at the deadline
//   left       nothing more happens
//
// The lease counts the time in which this process ran and heard nothing: a pause between two Ticks counts for
// at most kLongestCountedPause, so that a worker which was itself suspended finds the messages that came
// meanwhile before it judges.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "proto/control_message.h"
#include "proto/launch.h"
#include "worker/search_report.h"

namespace e2k::worker {

inline constexpr int64_t kLongestCountedPauseMs = 1'000;

enum class LinkPhase { greeting, serving, regreeting, draining, left };

struct LinkSettings {
  Hello hello;
  int64_t lease_ms = 60'000;
  int64_t drain_timeout_ms = 10'000;  // where nobody names one: SIGTERM, a lapsed lease
  int64_t hello_interval_ms = 250;
  int64_t heartbeat_interval_ms = 500;
};

// What the other threads say of themselves at the moment of a step.
struct LinkFacts {
  uint64_t applied_number = 0;  // of the batches posted, counted since the process began
  uint32_t serves = 0;
  bool cleared = false;
  uint64_t waiting_events = 0;
  uint64_t ca_turns = 0;
  uint64_t publish_turns = 0;
  std::string kafka_error;
  int brokers_up = 0;
  std::string schema_problem;
  SearchReport search;
};

// Events.
struct Received {
  SupervisorMessage message;
};
struct Misunderstood {
  std::string text;
};                     // the supervisor sent what can't be decoded: it is of another release
struct Terminated {};  // SIGTERM
struct LinkTick {};
using LinkEvent = std::variant<Received, Misunderstood, Terminated, LinkTick>;

// Actions.
struct SendMessage {
  WorkerMessage message;
};
struct PostBatch {
  uint64_t number;
  std::vector<AssignItem> items;
};
struct ClearAll {};
struct ChangeLogLevel {
  std::string level;
};
struct ChangePause {
  bool paused;
};
struct ChangeHeld {
  std::string channels;
};
struct ChangeSpoolShare {
  uint64_t bytes;
};
struct Leave {
  WorkerExit exit;
  std::string reason;
};
using LinkAction = std::variant<SendMessage, PostBatch, ClearAll, ChangeLogLevel, ChangePause, ChangeHeld,
                                ChangeSpoolShare, Leave>;

struct LinkState {
  LinkPhase phase = LinkPhase::greeting;
  uint64_t conversation = 0;   // with the supervisor that it greets, or has greeted last
  bool asked = false;          // by a Greet that is not answered yet
  uint64_t posted_before = 0;  // batches, in earlier conversations
  uint64_t next_number = 1;
  uint64_t applied_told = 0;
  int64_t lease_ms = 0;  // as the Welcome says; 0: as the settings say
  int64_t drain_timeout_ms = 0;
  int64_t silence_ns = 0;
  MonotonicNs last_tick;
  MonotonicNs next_send;  // Hello or Heartbeat
  MonotonicNs drain_deadline;
  WorkerExit exit = WorkerExit::done;
  std::string reason;
};

std::vector<LinkAction> step(LinkState& state, LinkEvent event, MonotonicNs now, const LinkFacts& facts,
                             const LinkSettings& settings);

// How long the shell may wait for a message before the next LinkTick.
int64_t wait_ms(const LinkState& state, MonotonicNs now);

}  // namespace e2k::worker
