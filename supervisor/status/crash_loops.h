// Pure. Workers that crash again and again: how often, since when, over what.
//
// A loop is deaths of one slot none of which is more than kQuietNs behind the one before; it is over when
// there was none for as long.
#pragma once

#include <map>
#include <string>

#include "common/clock.h"
#include "supervisor/fleet/obituary.h"

namespace e2k::supervisor {

class CrashLoops {
public:
  static constexpr int64_t kQuietNs = 60 * kNsPerSecond;
  static constexpr uint32_t kDeaths = 2;

  // `at_work`: see status/at_work.h.
  void on_death(const Obituary& worker, const std::string& at_work, MonotonicNs now, RealNs real);
  // What a search for the cause has come to; "": none is on.
  void note_search(Slot slot, const std::string& text) { searches_[slot] = text; }
  // WORKER_CRASHING; "": none does.
  std::string problem(MonotonicNs now) const;

private:
  struct Loop {
    uint32_t deaths = 0;
    MonotonicNs last{};
    RealNs since{};
    std::string how, at_work;
  };
  std::map<Slot, Loop> loops_;
  std::map<Slot, std::string> searches_;
};

}  // namespace e2k::supervisor
