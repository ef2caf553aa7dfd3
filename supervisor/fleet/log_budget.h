// Pure. How often something that others can provoke may be logged: a few times an interval, the rest is
// counted.
#pragma once

#include <cstdint>
#include <optional>

#include "common/clock.h"

namespace e2k::supervisor {

class LogBudget {
public:
  LogBudget(int lines, int64_t interval_ms) : lines_(lines), interval_ns_(interval_ms * kNsPerMs) {}

  // The number of lines left out before this one, or nothing: leave this one out too.
  std::optional<uint64_t> take(MonotonicNs now) {
    if (!begun_ || now.value - begun_->value >= interval_ns_) {
      begun_ = now;
      used_ = 0;
    }
    if (used_ >= lines_) {
      ++left_out_;
      return std::nullopt;
    }
    ++used_;
    const uint64_t left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

private:
  int lines_;
  int64_t interval_ns_;
  std::optional<MonotonicNs> begun_;
  int used_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace e2k::supervisor
