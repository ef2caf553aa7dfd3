// Shell. The two clocks that the programs use, as plain numbers of nanoseconds.
//
// RealNs: since 1970-01-01 UTC, what people read; it can jump. MonotonicNs: CLOCK_MONOTONIC, since boot,
// comparable between the processes of one machine; deadlines and ages are measured with it. Pure code takes
// times as arguments and never calls the functions below.
#pragma once

#include <time.h>

#include <cstdint>

#include "common/ids.h"

namespace e2k {

using RealNs = Id<struct RealNsTag, int64_t>;
using MonotonicNs = Id<struct MonotonicNsTag, int64_t>;

inline constexpr int64_t kNsPerMs = 1'000'000;
inline constexpr int64_t kNsPerSecond = 1'000'000'000;
// Seconds from 1970-01-01 to 1990-01-01, the epoch of EPICS time stamps.
inline constexpr int64_t kEpicsEpochUnixSeconds = 631'152'000;

inline int64_t clock_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * kNsPerSecond + t.tv_nsec;
}
inline RealNs real_now() {
  return RealNs{clock_ns(CLOCK_REALTIME)};
}
inline MonotonicNs monotonic_now() {
  return MonotonicNs{clock_ns(CLOCK_MONOTONIC)};
}

}  // namespace e2k
