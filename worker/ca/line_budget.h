// Shell. A ceiling for log lines that a network can cause: kLines in kPeriodNs, the others are counted and
// told with the next period. One thread.
#pragma once

#include <cstdint>
#include <utility>

#include "common/clock.h"
#include "common/log.h"

namespace e2k::worker::ca {

class LineBudget {
public:
  static constexpr int kLines = 20;
  static constexpr int64_t kPeriodNs = 60 * kNsPerSecond;

  // True: write the line.
  bool admit(MonotonicNs now) {
    if (now.value - began_.value > kPeriodNs) {
      began_ = now;
      lines_ = 0;
      if (const uint64_t dropped = std::exchange(dropped_, 0); dropped > 0)
        log::warn("lines.dropped what=\"servers and channels\" count={}", dropped);
    }
    if (++lines_ <= kLines) return true;
    ++dropped_;
    return false;
  }

private:
  MonotonicNs began_{0};
  int lines_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace e2k::worker::ca
