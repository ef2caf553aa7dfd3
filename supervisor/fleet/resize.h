// Pure. Which slots come and which go when there are to be so many workers.
//
// Those that are about to leave and have not been told to stop yet stay first, the lowest before the others;
// then come the lowest numbers that are free. The highest leave.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "common/ids.h"

namespace e2k::supervisor {

struct Resize {
  std::vector<Slot> stay;   // were about to leave
  std::vector<Slot> enter;  // are new
  std::vector<Slot> leave;
};

// The lowest number that is free; none: all are taken.
inline std::optional<Slot> lowest_free(const std::function<bool(Slot)>& is_free, uint32_t from = 0) {
  for (uint32_t n = from; n < UINT16_MAX; ++n)
    if (const Slot slot{static_cast<uint16_t>(n)}; is_free(slot)) return slot;
  return std::nullopt;
}

// `present`: that do not leave; `leaving`: that may still stay.
inline Resize resize(std::vector<Slot> present, const std::set<Slot>& leaving, size_t wanted,
                     const std::function<bool(Slot)>& is_free) {
  Resize answer;
  std::sort(present.begin(), present.end());
  while (present.size() > wanted) {
    answer.leave.push_back(present.back());
    present.pop_back();
  }
  size_t missing = wanted - present.size();
  for (auto slot = leaving.begin(); slot != leaving.end() && missing > 0; ++slot, --missing)
    answer.stay.push_back(*slot);
  const auto can_enter = [&](Slot slot) {
    return !std::binary_search(present.begin(), present.end(), slot) && !leaving.contains(slot) &&
           is_free(slot);
  };
  for (uint32_t from = 0; missing > 0; --missing) {
    const auto slot = lowest_free(can_enter, from);
    if (!slot) break;
    answer.enter.push_back(*slot);
    from = slot->value + uint32_t{1};
  }
  return answer;
}

}  // namespace e2k::supervisor
