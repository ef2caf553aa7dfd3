// Pure. So many frames a second and no more, a few of them at once. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/clock.h"

namespace e2k::worker::search {

class FrameBudget {
public:
  FrameBudget(int64_t frames_per_second, int64_t at_once)
      : interval_ns_(kNsPerSecond / frames_per_second), at_once_(at_once) {}

  // How many may be sent now.
  int64_t available(MonotonicNs now) const {
    return std::clamp<int64_t>((now.value - empty_at_.value) / interval_ns_, 0, at_once_);
  }
  void spend(int64_t frames, MonotonicNs now) {
    // Time that was not used beyond at_once_ is not saved up.
    const int64_t floor_ns = now.value - at_once_ * interval_ns_;
    empty_at_.value = std::max(empty_at_.value, floor_ns) + frames * interval_ns_;
  }
  // When the next one may be sent, where none may now.
  MonotonicNs next() const { return MonotonicNs{empty_at_.value + interval_ns_}; }

private:
  int64_t interval_ns_, at_once_;
  MonotonicNs empty_at_{INT64_MIN / 2};
};

}  // namespace e2k::worker::search
