// Shell. Runs the event loop and measures its turns: how long one handler kept all others waiting by what it
// does.
//
// A turn is timed by the clock, less the time in which it was ready to run and others had the processor: that
// is no fault of its own, and on a machine that is short of processors it would hide what is. A kernel that
// does not count that (/proc/thread-self/schedstat) has it counted in. The first handler after a wait is run
// by the same call that waits, so that its CPU time is taken instead: what it computed, not what it slept.
// Exact to kWorthALookNs. One thread.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <string_view>
#include <utility>

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
    int64_t delayed = delayed_at(begin);
    int64_t unasked = 0;  // time off the processor since the file was read
    while (!loop.stopped()) {
      const bool was_ready = loop.poll_one() != 0;
      if (!was_ready && loop.run_one() == 0) return;
      Moment end = moment();
      int64_t took = end.cpu_ns - begin.cpu_ns;
      unasked += std::max<int64_t>(end.at.value - begin.at.value - took, 0);
      // The file costs more than most turns do.
      if (!was_ready || unasked > kWorthALookNs) {
        const int64_t before = std::exchange(delayed, delayed_at(end));
        if (was_ready) took = std::max(took, end.at.value - begin.at.value - (delayed - before));
        unasked = 0;
      }
      longest_.note(took, end.at);
      begin = end;
    }
  }
  double longest_s() const {
    return static_cast<double>(longest_.in_last_minute_ns(monotonic_now())) /
           static_cast<double>(kNsPerSecond);
  }

private:
  static constexpr int64_t kWorthALookNs = kNsPerMs / 20;
  struct Moment {
    MonotonicNs at;
    int64_t cpu_ns;  // of this thread
  };
  static Moment moment() { return {monotonic_now(), clock_ns(CLOCK_THREAD_CPUTIME_ID)}; }

  // delayed_ns(), and the moment that it is true of: what the thread is kept from the processor for between
  // the two would be taken from a turn that it does not belong to. Where it is each time, the last has to do.
  int64_t delayed_at(Moment& at) const {
    int64_t delayed = delayed_ns();
    for (int tries = 0; tries < 8; ++tries) {
      at = moment();
      const int64_t meanwhile = delayed_ns();
      if (std::exchange(delayed, meanwhile) == meanwhile) break;
    }
    return delayed;
  }

  // How long this thread has been ready and had no processor: the second of the file's numbers; the first is
  // the time on a processor.
  int64_t delayed_ns() const {
    char bytes[64];
    const ssize_t size = ::pread(schedule_.get(), bytes, sizeof bytes, 0);
    const std::string_view text(bytes, static_cast<size_t>(std::max<ssize_t>(size, 0)));
    const size_t space = text.find(' ');
    int64_t delayed = 0;
    if (space != std::string_view::npos)
      std::from_chars(text.data() + space + 1, text.data() + text.size(), delayed);
    return delayed;
  }

  LongestTurn longest_;
  UniqueFd schedule_;
};

}  // namespace e2k::supervisor
