// Pure. How often workers hear of the supervisor, which also says again then what they were told: several
// times a lease, and no oftener, for each of them is woken.
#pragma once

#include <algorithm>
#include <cstdint>

namespace e2k::supervisor {

// In turns of `turn_ms`; at most five seconds lie between two.
constexpr int64_t turns_between_pings(int64_t lease_s, int64_t turn_ms) {
  constexpr int64_t kPingsOfALease = 4, kMostMs = 5'000;
  return std::clamp<int64_t>(lease_s * 1000 / kPingsOfALease, turn_ms, kMostMs) / turn_ms;
}

}  // namespace e2k::supervisor
