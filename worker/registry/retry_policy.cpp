#include "worker/registry/retry_policy.h"

#include <algorithm>

namespace e2k::worker {
namespace {

int64_t pause_ns(uint32_t failures, uint32_t chance, const RetryPauses& pauses) {
  // Doubling stops long before it overflows.
  const uint32_t doublings = std::min(failures, 16u);
  const auto full = std::min(pauses.first * (int64_t{1} << doublings), pauses.longest);
  const int64_t full_ns = std::chrono::nanoseconds(full).count();
  const int64_t quarter_ns = full_ns / 4;
  return full_ns - static_cast<int64_t>(static_cast<double>(quarter_ns) * (chance / 4294967296.0));
}

}  // namespace

RetryState step(RetryState state, RetryEvent event, MonotonicNs now, uint32_t chance,
                const RetryPauses& pauses) {
  switch (event) {
    case RetryEvent::answered:
      return {};
    case RetryEvent::rejected:
      return {0, MonotonicNs{now.value + std::chrono::nanoseconds(pauses.rejected).count()}};
    case RetryEvent::unavailable:
      return {state.failures + 1, MonotonicNs{now.value + pause_ns(state.failures, chance, pauses)}};
  }
  return state;
}

}  // namespace e2k::worker
