// Pure. The book of who serves what: where each entry is served, which entry stands behind a line, and which
// places entries have left that still have something of them.
//
// An entry has one place where it is served, and, while it is about to go over to another worker, a second
// one that prepares (handover/handover.h). When it has gone over it is served at its new place, where what
// comes is *held*. The places that it left are remembered until its last event there is settled: until then
// it is held, or, where it could not be, served nowhere, so that its events stay in order; and whoever is
// given the same line's entry again, under whatever id, waits for it likewise. What has left is the caller's
// to say, because it stands in ledgers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/handover/handover.h"
#include "supervisor/plan/lines.h"

namespace e2k::supervisor {

enum class Serving {
  unserved,   // waits for a worker
  serving,    // waits for nothing
  preparing,  // is served; waits for the worker that it is to go over to
  held,       // has gone over; waits for the last event where it was served before
  leaving,    // is served nowhere, and waits for that
};

class Book {
public:
  void expect(size_t entries) { rows_.reserve(entries); }
  void serve(EntryId id, Place place);
  // It is served nowhere from now on, and prepared nowhere.
  void withdraw(EntryId id);
  // Likewise, but whoever prepares it goes on: its worker does not know it any more.
  void forget_place(EntryId id);

  // It is served where it is, and prepared there.
  void prepare(EntryId id, Place to);
  std::optional<Place> preparing(EntryId id) const;
  void forget_preparation(EntryId id);
  // It is served where it was prepared, and held there.
  void go_over(EntryId id);
  void hold(EntryId id) { held_.insert(id.value); }
  void free(EntryId id) { held_.erase(id.value); }
  bool is_held(EntryId id) const { return held_.contains(id.value); }
  bool is_under_way(EntryId id) const { return is_held(id) || preparing_.contains(id.value); }
  size_t under_way() const { return preparing_.size() + held_.size(); }
  // Calls `visit(id, place)` for each that is prepared.
  template <class Visit>
  void each_preparing(Visit&& visit) const {
    for (const auto& [id, place] : preparing_) visit(EntryId{id}, place);
  }
  template <class Visit>
  void each_held(Visit&& visit) const {
    for (const uint32_t id : held_) visit(EntryId{id});
  }

  // Entries that the slot serves, held or not.
  size_t served(Slot slot) const;
  Serving state(EntryId id) const;
  std::optional<Place> place(EntryId id) const;
  std::optional<EntryId> entry_at(const Place& place) const;
  // Calls `visit(id, index)` for each entry that the slot serves, by index: of `most` indices from `next` on,
  // which is moved behind them. true: there are more.
  template <class Visit>
  bool some_of(Slot slot, uint32_t& next, size_t most, Visit&& visit) const {
    const auto found = back_.find(slot);
    if (found == back_.end()) return false;
    const std::vector<uint32_t>& ids = found->second;
    for (; next < ids.size(); ++next, --most) {
      if (most == 0) return true;
      if (ids[next] != kNone) visit(EntryId{ids[next]}, EntryIndex{next});
    }
    return false;
  }
  template <class Visit>
  void each_of(Slot slot, Visit&& visit) const {
    uint32_t next = 0;
    some_of(slot, next, SIZE_MAX, visit);
  }

  struct Leaving {
    std::optional<EntryId> id;  // whose it is; nothing: nobody's any more
    Place from;
    Generation generation;  // of the worker that it leaves
    uint64_t assigned = 0;  // items that this worker had been given by then, the entry's removal included
    int64_t command_offset =
        -1;             // of the command that the old worker served; -1: another one is to be served
    bool left = false;  // nothing of it is there, for certain
    std::optional<MonotonicNs> dead_since = std::nullopt;  // of judge_leaving()
  };
  void leave(const Leaving& leaving);
  // The ids are other entries' from now on: what has left is nobody's, and its lines are waited for still.
  void disown(std::span<const EntryId> ids);
  // Nothing of the slot's lines is left.
  void emptied(Slot slot);
  bool is_leaving(const Place& place) const;
  // Anything leaves the slot, or stands there for an entry that is served elsewhere.
  bool leaves(Slot slot) const;
  const std::vector<Leaving>& leaving() const { return leaving_; }

  struct Settled {
    std::vector<Leaving> left;  // each of them
    std::vector<EntryId> free;  // entries that have left every place, without repeats: to be served anew
    size_t late = 0;            // of `left`, those that something of is still there
  };
  Settled settle(const std::function<Left(Leaving&)>& judge);

private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Row {  // by EntryId
    uint32_t index = kNone;
    uint16_t slot = 0;
  };
  std::vector<Row> rows_;
  std::map<Slot, std::vector<uint32_t>> back_;  // EntryId by index
  std::map<Slot, size_t> served_;
  std::vector<Leaving> leaving_;
  std::unordered_map<uint32_t, Place> preparing_;
  std::unordered_map<uint64_t, uint32_t> prepared_at_;  // EntryId by place
  std::unordered_set<uint32_t> held_;
  // Of what leaves, how many there are of an entry, and of a line.
  std::unordered_map<uint32_t, uint32_t> leaving_of_;
  std::unordered_map<uint64_t, uint32_t> leaving_from_;
};

}  // namespace e2k::supervisor
