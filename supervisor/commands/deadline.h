// Shell. An end on the monotonic clock, for calls that wait in turns.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace e2k::supervisor {

struct Deadline {
  using Clock = std::chrono::steady_clock;

  Clock::time_point end;
  explicit Deadline(std::chrono::milliseconds timeout) : end(Clock::now() + timeout) {}
  // At least 1 ms, since librdkafka and libcurl take 0 and less for other things than "at once".
  std::chrono::milliseconds left() const {
    return std::max(std::chrono::milliseconds(1),
                    std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()));
  }
  bool passed() const { return Clock::now() >= end; }
  int turn_ms(int64_t longest_ms = 100) const {
    return static_cast<int>(std::min<int64_t>(longest_ms, left().count()));
  }
};

}  // namespace e2k::supervisor
