// Pure. The book of who serves what: where each entry is served, which entry stands behind a line, and which
// places entries have left that still have something of them.
//
// An entry has at most one place where it is served. A place that it left is remembered until its last event
// there has reached Kafka, or a deadline has passed: until then it is served nowhere, so that its events stay
// in order; and whoever is given the same line's entry again, under whatever id, waits for it likewise. What
// has left is the caller's to say, because it stands in ledgers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/plan/lines.h"

namespace e2k::supervisor {

enum class Serving {
  unserved,  // waits for a worker
  serving,   // waits for nothing
  leaving,   // waits for the last event where it was served before
};

class Book {
public:
  void serve(EntryId id, Place place);
  // It is served nowhere from now on.
  void withdraw(EntryId id);

  Serving state(EntryId id) const;
  std::optional<Place> place(EntryId id) const;
  std::optional<EntryId> entry_at(const Place& place) const;
  // Calls `visit(id, index)` for each entry that the slot serves, by index.
  template <class Visit>
  void each_of(Slot slot, Visit&& visit) const {
    const auto found = back_.find(slot);
    if (found == back_.end()) return;
    for (uint32_t i = 0; i < found->second.size(); ++i)
      if (found->second[i] != kNone) visit(EntryId{found->second[i]}, EntryIndex{i});
  }

  struct Leaving {
    EntryId id;
    Place from;
    Generation generation;  // of the worker that it leaves
    uint64_t assigned = 0;  // items that this worker had been given by then, the entry's removal included
    MonotonicNs deadline{};
    int64_t command_offset =
        -1;             // of the command that the old worker served; -1: another one is to be served
    bool left = false;  // nothing of it is there, for certain
  };
  void leave(const Leaving& leaving);
  // Nothing of the slot's lines is left.
  void emptied(Slot slot);
  bool is_leaving(const Place& place) const;
  const std::vector<Leaving>& leaving() const { return leaving_; }

  struct Settled {
    std::vector<Leaving> left;  // each of them
    std::vector<EntryId> free;  // entries that have left every place, without repeats: to be served anew
    size_t late = 0;            // of them, those whose deadline has passed
  };
  Settled settle(MonotonicNs now, const std::function<bool(const Leaving&)>& has_left);

private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Row {  // by EntryId
    uint32_t index = kNone;
    uint16_t slot = 0;
  };
  std::vector<Row> rows_;
  std::map<Slot, std::vector<uint32_t>> back_;  // EntryId by index
  std::vector<Leaving> leaving_;
  // Of them, how many there are of an entry, and of a line.
  std::unordered_map<uint32_t, uint32_t> leaving_of_;
  std::unordered_map<uint64_t, uint32_t> leaving_from_;
};

}  // namespace e2k::supervisor
