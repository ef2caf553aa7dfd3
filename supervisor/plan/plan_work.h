// Pure. A plan that is to be made: who holds which channel, gathered a slice at a time and copied, so that
// the plan of a million channels can be made by another thread while the book changes on.
//
// Its moves name channels by the caller's numbers and by their names' hashes: a number may be another
// channel's by the time that the plan is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "supervisor/plan/planner.h"

namespace e2k::supervisor {

struct PlannedMove {
  uint32_t channel;  // the caller's number
  uint64_t name_hash;
  std::optional<Slot> from;
  Slot to;
};

class PlanWork {
public:
  // `workers`: as for plan().
  PlanWork(std::vector<Slot> workers, Affinity affinity);
  void expect(size_t channels);
  // `one.name` is copied.
  void add(const PlannedChannel& one, uint32_t channel, uint64_t name_hash);
  size_t channels() const { return rows_.size(); }
  // The planner's moves, in its order. It takes as long as there are channels for: about a second for a
  // million.
  std::vector<PlannedMove> make() const;

private:
  struct Row {
    PlannedChannel planned;  // its name is in names_
    uint32_t channel;
    uint64_t name_hash;
    size_t name_ends;
  };
  std::vector<Slot> workers_;
  Affinity affinity_;
  std::string names_;  // one behind the other
  std::vector<Row> rows_;
};

}  // namespace e2k::supervisor
