// Pure. The messages between the supervisor (ROUTER) and its workers (DEALER), over ipc.
//
// A message is one ZeroMQ frame: a MessagePack array [version, type, fields…]. Type numbers are given by hand
// and never used again. A worker's DEALER identity is "slot.generation" in decimal, so that a reply can't
// reach a successor.
//
// Conversation: the worker greets (Hello) until it is welcomed. Welcome resets the numbering: the next Assign
// is number 1. Assigns are applied in the order of their numbers, an unexpected number is dropped, Applied
// names the last number that was applied and is repeated with every Heartbeat; the supervisor repeats what
// stays unapplied. Both sides send something at least once a second (Ping, Heartbeat): the worker's lease and
// the supervisor's view of a hang are counted from the last message. Decoding checks every size before it
// allocates and never throws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "proto/command_record.h"

namespace e2k {

// Version ledger:   1  first
inline constexpr uint32_t kControlVersion = 1;
inline constexpr size_t kMaxControlMessageBytes = 16u << 20;
inline constexpr size_t kMaxAssignItems = 2000;

// --- worker to supervisor
// -------------------------------------------------------------------------------------------

struct Hello {  // 1
  Slot slot;
  Generation generation;
  int32_t pid = 0;
  std::string token;
  std::string program_version;
  std::string libca = {};  // which Channel Access library it runs with
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct Applied {  // 2
  uint64_t number = 0;
  friend bool operator==(const Applied&, const Applied&) = default;
};
// Progress words count loop turns; one that stands still while there is work names the thread that hangs.
struct Heartbeat {  // 3
  uint64_t applied_number = 0;
  uint64_t ca_turns = 0;
  uint64_t publish_turns = 0;
  std::string kafka_error;  // librdkafka's last one, "" when the brokers are up
  int32_t brokers_up = 0;
  std::string schema_problem;   // why records wait for a schema's id, "" when none does
  std::string address_problem;  // what is wrong with the addresses that are searched, "" when nothing is
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
struct Goodbye {  // 4: the last message of an orderly end
  uint64_t waiting_events = 0;
  friend bool operator==(const Goodbye&, const Goodbye&) = default;
};

// --- supervisor to worker
// -------------------------------------------------------------------------------------------

struct Welcome {  // 16
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct AddEntry {
  EntryIndex index;
  EntrySpec entry;
  // What is already known of this command, so that a restart repeats no `Never Connected` and no
  // `Disconnected`.
  bool never_connected_published = false;
  bool was_connected = false;
  bool disconnected_published = false;  // since it was last connected
  // The entry that it takes the place of: another mask or key of the same topic and channel. That one
  // delivers until this one has its first event, and is then removed; nothing is lost, nobody reconnects.
  std::optional<EntryIndex> replaces = std::nullopt;
  friend bool operator==(const AddEntry&, const AddEntry&) = default;
};
struct RemoveEntry {
  EntryIndex index;
  friend bool operator==(const RemoveEntry&, const RemoveEntry&) = default;
};
using AssignItem = std::variant<AddEntry, RemoveEntry>;
struct Assign {  // 17
  uint64_t number = 0;
  std::vector<AssignItem> items;  // applied in order, at most kMaxAssignItems
  friend bool operator==(const Assign&, const Assign&) = default;
};
struct Ping {  // 18
  friend bool operator==(const Ping&, const Ping&) = default;
};
struct Stop {  // 19: clear all subscriptions, wait for Kafka's acknowledgements, say Goodbye, exit 0
  int64_t drain_timeout_ms = 0;
  friend bool operator==(const Stop&, const Stop&) = default;
};
struct SetLogLevel {  // 20
  std::string level;
  friend bool operator==(const SetLogLevel&, const SetLogLevel&) = default;
};

struct SetPaused {  // 21: while paused, events are received and wait in the spool
  bool paused = false;
  friend bool operator==(const SetPaused&, const SetPaused&) = default;
};

using WorkerMessage = std::variant<Hello, Applied, Heartbeat, Goodbye>;
using SupervisorMessage = std::variant<Welcome, Assign, Ping, Stop, SetLogLevel, SetPaused>;

std::string encode(const WorkerMessage& message);
std::string encode(const SupervisorMessage& message);
Result<WorkerMessage> decode_worker_message(std::string_view bytes);
Result<SupervisorMessage> decode_supervisor_message(std::string_view bytes);

}  // namespace e2k
