// Pure. The longest of the turns within the last minute, to ten seconds.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/clock.h"

namespace e2k::supervisor {

class LongestTurn {
public:
  void note(int64_t turn_ns, MonotonicNs now) {
    Span& span = spans_[static_cast<size_t>(number_at(now)) % spans_.size()];
    if (span.number != number_at(now)) span = {number_at(now), 0};
    span.longest_ns = std::max(span.longest_ns, turn_ns);
  }
  int64_t in_last_minute_ns(MonotonicNs now) const {
    int64_t longest = 0;
    for (const Span& span : spans_)
      if (number_at(now) - span.number < static_cast<int64_t>(spans_.size()))
        longest = std::max(longest, span.longest_ns);
    return longest;
  }

private:
  static constexpr int64_t kSpanNs = 10 * kNsPerSecond;
  static int64_t number_at(MonotonicNs at) { return at.value / kSpanNs; }
  struct Span {
    int64_t number = -1;
    int64_t longest_ns = 0;
  };
  std::array<Span, 6> spans_;
};

}  // namespace e2k::supervisor
