// Pure. The book of who serves what: the worker of every channel, and the index under which that worker knows
// each of the channel's entries.
//
// The command state says what is to be monitored, the planner who is to do it; Shares compares that with what
// was handed out and answers with the items to send. It holds no names: an entry is remembered by a hash of
// what was commanded, so that reconciling the same command twice sends nothing. Indices are counted up per
// worker generation and never reused within one.
//
// A moved channel's entries are *held*: their old worker is told to remove them at once, their new one is
// told to add them only when release() is called, that is, when the old one's last event has reached Kafka.
// So a channel's events stay in order. A channel whose old worker could not get rid of its events for a long
// time is not moved at all: the caller knows which are *stuck*.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/ids.h"
#include "proto/control_message.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/plan/planner.h"

namespace e2k::supervisor {

struct Place {
  Slot slot;
  EntryIndex index;
  friend bool operator==(const Place&, const Place&) = default;
};

class Shares {
public:
  // `workers`: the slots of the fleet, at least one.
  explicit Shares(std::vector<Slot> workers, Affinity affinity = Affinity::none);

  // A held entry, and where its last events still are.
  struct Departure {
    EntryId id;
    Place from;
    bool renewed = false;  // what the old worker served was an earlier command
  };
  struct Orders {
    std::map<Slot, std::vector<AssignItem>> items;  // to be applied in this order
    std::vector<Departure> departures;
  };

  // Brings the book up to `state` for the entries in `dirty` (repeats and unknown ids do no harm), then evens
  // out.
  // Channels that serve a stuck entry stay where they are; the next reconcile looks again.
  using Stuck = std::function<bool(const Place&)>;
  Orders reconcile(
      const CommandState& state, std::span<const EntryId> dirty,
      const Stuck& stuck = [](const Place&) { return false; });

  // The IOC that serves the entry's channel, by a number of the caller's; true: it was not known, or another.
  // It stays known until it is another. The next reconcile plans with it, also one without dirty entries.
  bool set_host(EntryId id, uint32_t host);

  // A fresh worker greeted: everything that the slot serves and that is not held, numbered from 0.
  std::vector<AssignItem> serve_anew(Slot slot, const CommandState& state);

  // A held entry may go to its new worker: what to send, or nothing if the entry was meanwhile removed or was
  // not held.
  std::optional<std::pair<Slot, AddEntry>> release(EntryId id, const CommandState& state);

  // The entry's worker wants it again (a new search): remove and add, under a new index. Nothing for a held
  // one.
  void renew(EntryId id, const CommandState& state, Orders& orders);

  // Where an entry is served; nothing while it is held or unknown.
  std::optional<Place> place(EntryId id) const;
  // The worker that an entry belongs to, held or not.
  std::optional<Slot> owner(EntryId id) const;
  size_t channels() const { return channel_of_name_.size(); }
  size_t channels(Slot slot) const;
  size_t entries(Slot slot) const;
  // The indices that were given out to the slot's present worker; a worker's ledger has room for kMaxEntries.
  uint32_t indices_given(Slot slot) const;

private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint16_t kNoSlot = UINT16_MAX;
  struct Row {  // by EntryId
    uint64_t command_hash = 0;
    uint32_t channel = kNone;  // kNone: the id is not in the book
    uint32_t next = kNone;     // the channel's next entry
    uint32_t index = kNone;    // kNone: not handed out (held, or about to be)
  };
  struct Channel {
    uint64_t name_hash = 0;
    uint32_t first = kNone;
    uint32_t entries = 0;  // 0: the row is free
    uint16_t slot = kNoSlot;
    uint32_t host = kNone;  // kNone: not known
  };
  struct Worker {
    uint32_t next_index = 0;
    size_t channels = 0, entries = 0;
  };

  Row& row(EntryId id);
  void link(EntryId id, const EntryRef& entry);
  void unlink(EntryId id);
  void move_channel(uint32_t channel, Slot to, Orders& orders);
  void even_out(const CommandState& state, const Stuck& stuck, Orders& orders);
  bool is_stuck(const Channel& channel, const Stuck& stuck) const;
  AddEntry hand_out(EntryId id, const EntryRef& entry);

  std::vector<Slot> slots_;
  Affinity affinity_;
  std::vector<Row> rows_;
  std::vector<Channel> channels_;
  std::vector<uint32_t> free_channels_;
  std::unordered_map<uint64_t, uint32_t> channel_of_name_;
  std::map<Slot, Worker> workers_;
};

}  // namespace e2k::supervisor
