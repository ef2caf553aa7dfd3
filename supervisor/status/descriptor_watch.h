// Pure. Workers that have nearly all the descriptors that they may have, and die of it: libraries of theirs
// give up where no descriptor is left, whatever channel they are at.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/clock.h"
#include "common/ids.h"

namespace e2k::supervisor {

class DescriptorWatch {
public:
  // After a death its successor needs a while to get as far.
  static constexpr int64_t kHeldNs = 60 * kNsPerSecond;

  void look(Slot slot, uint64_t used, uint64_t most, MonotonicNs now);
  // Whether it may have died of that: then no channel is guilty.
  bool on_death(Slot slot, MonotonicNs now);
  // A sentence for each, for LIMITS; "": none is short of them.
  std::string problem() const;

private:
  struct Use {
    uint64_t used = 0, most = UINT64_MAX;
    MonotonicNs held_until{INT64_MIN};
    bool is_short() const;
  };
  std::map<Slot, Use> slots_;
};

}  // namespace e2k::supervisor
