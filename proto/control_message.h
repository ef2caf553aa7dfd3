// Pure. The messages between the supervisor (ROUTER) and its workers (DEALER), over ipc.
//
// A message is one ZeroMQ frame: a MessagePack array [version, type, fields…]. Type numbers are given by hand
// and never used again. A worker's DEALER identity is "slot.generation" in decimal, so that a reply can't
// reach a successor.
//
// Conversation: the worker greets (Hello) until it is welcomed. Welcome resets the numbering: the next Assign
// is number 1, and what the worker serves it goes on serving. Assigns are applied in the order of their
// numbers, an unexpected number is dropped, Applied names the last number that was applied and is repeated
// with every Heartbeat; the supervisor repeats what stays unapplied. A worker sends something at least once a
// second (Heartbeat), the supervisor several times a lease (Ping): the supervisor's view of a hang and the
// worker's lease are counted from the last message. Decoding checks every size before it allocates and never
// throws.
//
// A supervisor that finds workers of an earlier one asks each of them to greet it (Greet). The answer comes
// when everything that the worker was given has been applied; from then on it takes nothing but the Welcome
// of that very conversation, so that what was on its way from, or to, the earlier supervisor is not mistaken
// for something of this one. What it serves stands in its ledger (CaLine::assigned_mask) and its book of
// names; Hello::serves says how many lines that are.
//
// Versions: a later version adds fields at the ends, and types. Each side writes in the older one of both
// versions, reads messages of kOldestControlVersion and later, leaves fields alone that it does not know and
// gives those that are missing their defaults. A type that a later version has is, to a worker, a sign of
// life and nothing else.
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
//                   2  a worker can be taken over: Greet; Hello and Welcome name the conversation.
//                      Later: items of their own kinds (2, 3) for held entries, which who does not know them
//                      refuses as a whole, rather than publish what is to be held
//                   3  SetSpoolShare
//                      Later: AddEntry::unserved, a bit that who does not know it leaves alone
inline constexpr uint32_t kControlVersion = 3;
inline constexpr uint32_t kOldestControlVersion = 1;
// The first that knows Greet.
inline constexpr uint32_t kAdoptableControlVersion = 2;
// Likewise SetSpoolShare.
inline constexpr uint32_t kSpoolShareControlVersion = 3;
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
  std::string libca = {};                      // which Channel Access library it runs with
  uint64_t conversation = 0;                   // that was asked for by Greet; 0: it greets by itself
  uint32_t serves = 0;                         // entries
  bool is_leaving = false;                     // it drains and ends, whatever it is told
  uint32_t control_version = kControlVersion;  // of the message: the latest that the worker speaks
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
  std::string searched;         // those addresses: "10.0.0.255:5064 127.0.0.1:5064"; "" for none
  uint32_t beacon_servers = 0;  // whose beacons were heard
  std::string beacon_of;        // the first of them, "10.0.0.7:5064"
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
struct Goodbye {  // 4: the last message of an orderly end
  uint64_t waiting_events = 0;
  friend bool operator==(const Goodbye&, const Goodbye&) = default;
};

// --- supervisor to worker
// -------------------------------------------------------------------------------------------

struct Welcome {              // 16
  uint64_t conversation = 0;  // of the Hello that it answers
  // In place of what the launch contract says, unless 0.
  int64_t lease_s = 0;
  int64_t drain_timeout_ms = 0;
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
  // What comes of it is kept and not published before ReleaseEntry; RemoveEntry drops it.
  bool held = false;
  // With `held`: nobody serves it any more. Else who served it before does so until this one has an event.
  bool unserved = false;
  friend bool operator==(const AddEntry&, const AddEntry&) = default;
};
struct RemoveEntry {
  EntryIndex index;
  friend bool operator==(const RemoveEntry&, const RemoveEntry&) = default;
};
// A held entry: the worker that served it before published its last event, which was this one. Hash 0: not
// known. What came behind it is published from now on. The entry need not be there any more.
struct ReleaseEntry {
  EntryIndex index;
  uint64_t after_stamp = 0, after_hash = 0;
  friend bool operator==(const ReleaseEntry&, const ReleaseEntry&) = default;
};
using AssignItem = std::variant<AddEntry, RemoveEntry, ReleaseEntry>;
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

struct Greet {  // 22: who are you, and what do you serve? Answered by a Hello of that conversation
  uint64_t conversation = 0;
  friend bool operator==(const Greet&, const Greet&) = default;
};
// The channels that are set aside, and no others from now on: events of theirs wait in the spool.
struct SetHeld {         // 23
  std::string channels;  // see proto/held_channels.h
  friend bool operator==(const SetHeld&, const SetHeld&) = default;
};

// How much of spool.max_total_bytes is the worker's from now on. What it has beyond that stays until it is
// settled or something has to go for what comes.
struct SetSpoolShare {  // 24
  int64_t max_bytes = 0;
  friend bool operator==(const SetSpoolShare&, const SetSpoolShare&) = default;
};

using WorkerMessage = std::variant<Hello, Applied, Heartbeat, Goodbye>;
using SupervisorMessage =
    std::variant<Welcome, Assign, Ping, Stop, SetLogLevel, SetPaused, Greet, SetHeld, SetSpoolShare>;

// `version`: of the other side, where it is an older one.
std::string encode(const WorkerMessage& message, uint32_t version = kControlVersion);
std::string encode(const SupervisorMessage& message, uint32_t version = kControlVersion);
Result<WorkerMessage> decode_worker_message(std::string_view bytes);
Result<SupervisorMessage> decode_supervisor_message(std::string_view bytes);

}  // namespace e2k
