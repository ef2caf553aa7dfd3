// Shell. Runs the event loop and measures its turns: how long one handler kept all others waiting.
//
// What was ready is timed by the clock. The first handler after a wait is run by the same call that waits, so
// that its CPU time is taken instead: what it computed, not what it slept. One thread.
#pragma once

#include <boost/asio/io_context.hpp>

#include "common/clock.h"
#include "supervisor/longest_turn.h"

namespace e2k::supervisor {

class LoopTurns {
public:
  // Until the loop is stopped, or has nothing to do any more.
  void run(boost::asio::io_context& loop) {
    while (!loop.stopped()) {
      const MonotonicNs begin = monotonic_now();
      if (loop.poll_one() != 0) {
        const MonotonicNs end = monotonic_now();
        longest_.note(end.value - begin.value, end);
        continue;
      }
      const int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
      if (loop.run_one() == 0) return;
      longest_.note(clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu, monotonic_now());
    }
  }
  double longest_s() const {
    return static_cast<double>(longest_.in_last_minute_ns(monotonic_now())) /
           static_cast<double>(kNsPerSecond);
  }

private:
  LongestTurn longest_;
};

}  // namespace e2k::supervisor
