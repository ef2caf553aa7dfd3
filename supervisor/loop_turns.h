// Shell. Runs the event loop and measures its turns: how long one handler kept all others waiting by what it
// does.
//
// A turn is timed by the clock, less the time in which it was ready to run and others had the processor: that
// is no fault of its own, and on a machine that is short of processors it would hide what is. A kernel that
// does not count that (/proc/thread-self/schedstat) has it counted in. The first handler after a wait is run
// by the same call that waits, so that its CPU time is taken instead: what it computed, not what it slept.
// One thread.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <string_view>

#include "common/clock.h"
#include "common/fd.h"
#include "supervisor/longest_turn.h"

namespace e2k::supervisor {

class LoopTurns {
public:
  // Until the loop is stopped, or has nothing to do any more.
  void run(boost::asio::io_context& loop) {
    schedule_.reset(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC));
    Moment begin = moment();
    while (!loop.stopped()) {
      const bool was_ready = loop.poll_one() != 0;
      if (!was_ready && loop.run_one() == 0) return;
      const Moment end = moment();
      const int64_t cpu_ns = end.cpu_ns - begin.cpu_ns;
      const int64_t kept_ns = end.at.value - begin.at.value - (end.delayed_ns - begin.delayed_ns);
      longest_.note(was_ready ? std::max(cpu_ns, kept_ns) : cpu_ns, end.at);
      begin = end;
    }
  }
  double longest_s() const {
    return static_cast<double>(longest_.in_last_minute_ns(monotonic_now())) /
           static_cast<double>(kNsPerSecond);
  }

private:
  struct Moment {
    MonotonicNs at;
    int64_t cpu_ns;      // of this thread
    int64_t delayed_ns;  // how long it has waited for a processor
  };
  Moment moment() const { return {monotonic_now(), clock_ns(CLOCK_THREAD_CPUTIME_ID), delayed_ns()}; }

  // The second of the file's numbers; the first is the time on a processor.
  int64_t delayed_ns() const {
    char bytes[64];
    const ssize_t size = ::pread(schedule_.get(), bytes, sizeof bytes, 0);
    const std::string_view text(bytes, static_cast<size_t>(std::max<ssize_t>(size, 0)));
    const std::string_view second = text.substr(std::min(text.find(' '), text.size() - 1) + 1);
    int64_t delayed = 0;
    std::from_chars(second.data(), second.data() + second.size(), delayed);
    return delayed;
  }

  LongestTurn longest_;
  UniqueFd schedule_;
};

}  // namespace e2k::supervisor
