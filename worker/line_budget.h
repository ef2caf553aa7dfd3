// Shell. A ceiling for log lines that a network can cause: kLines in kPeriodNs, the others are counted and
// told with the next period's first. One thread.
#pragma once

#include <cstdint>
#include <utility>

#include "common/clock.h"
#include "common/log.h"

namespace e2k::worker {

class LineBudget {
public:
  static constexpr int kLines = 20;
  static constexpr int64_t kPeriodNs = 60 * kNsPerSecond;

  explicit LineBudget(const char* what, int most = kLines) : what_(what), most_(most) {}

  // True: write the line.
  bool admit(MonotonicNs now) {
    if (now.value - began_.value > kPeriodNs) {
      began_ = now;
      lines_ = 0;
      if (const uint64_t dropped = std::exchange(dropped_, 0); dropped > 0)
        log::warn("lines.dropped what={} count={}", log::quoted(what_), dropped);
    }
    if (++lines_ <= most_) return true;
    ++dropped_;
    return false;
  }

private:
  const char* what_;
  int most_;
  MonotonicNs began_{0};
  int lines_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace e2k::worker
