// Pure. Workers that crash again and again: how often, since when, over what.
//
// A loop begins with two deaths of one slot within kWindowNs. It goes on, with its beginning, for as long as
// the next death comes within twice the time that lay between the last two, or within kQuietNs; then it is
// over.
#pragma once

#include <map>
#include <string>

#include "common/clock.h"
#include "supervisor/fleet/obituary.h"

namespace e2k::supervisor {

class CrashLoops {
public:
  static constexpr int64_t kWindowNs = 300 * kNsPerSecond, kQuietNs = 60 * kNsPerSecond;
  static constexpr uint32_t kDeaths = 2;

  // `at_work`: see status/at_work.h.
  void on_death(const Obituary& worker, const std::string& at_work, MonotonicNs now);
  // What a search for the cause has come to; "": none is on.
  void note_search(Slot slot, const std::string& text) { searches_[slot] = text; }
  // WORKER_CRASHING; "": none does.
  std::string problem(MonotonicNs now) const;

private:
  struct Loop {
    uint32_t deaths = 0;
    MonotonicNs since{}, last{};
    int64_t between_ns = 0;  // the last two deaths
    std::string how, at_work;
  };
  static bool is_over(const Loop& loop, MonotonicNs now);

  std::map<Slot, Loop> loops_;
  std::map<Slot, std::string> searches_;
};

}  // namespace e2k::supervisor
