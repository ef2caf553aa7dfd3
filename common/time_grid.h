// Pure. Points in time that are the same for everybody on a machine, so that what is done at intervals, by
// several parts or processes, is done at one time and with one wake-up.
#pragma once

#include <chrono>

#include "common/clock.h"

namespace e2k {

// As timers take it.
inline std::chrono::steady_clock::time_point time_point_of(MonotonicNs t) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(t.value));
}

// The first whole multiple of the interval behind `now`.
constexpr MonotonicNs next_on_grid(MonotonicNs now, int64_t interval_ns) {
  return MonotonicNs{(now.value / interval_ns + 1) * interval_ns};
}

}  // namespace e2k
