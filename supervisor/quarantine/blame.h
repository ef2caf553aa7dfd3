// Pure. Which channel has to be set aside, by what workers' flight words say.
//
// Only deaths that code brings about count: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, and a hang; not what
// the kernel or an operator kills. A death stands against the channels that were at work on in the thread
// that died (in all threads, where it is not known which one it was). Two deaths within kWindow, and the
// channel is named.
//
// The publisher's deaths over one and the same record count once: the worker itself sets that record aside
// after the second, and the channel goes on with its next event. So a channel is named for its records only
// when two of them killed.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "supervisor/fleet/obituary.h"
#include "supervisor/quarantine/evidence.h"

namespace e2k::supervisor {

// A thread that was at work on an entry of a channel when its worker died.
struct Suspicion {
  std::string channel;
  Evidence evidence;
};

class Blame {
public:
  static constexpr int64_t kWindowNs = 600 * kNsPerSecond;
  static constexpr size_t kDeaths = 2;

  // Whether it is a death that a channel may have brought about.
  static bool counts(const Obituary& worker);

  // One death. The channels that it makes guilty, each with all that stands against it.
  std::vector<Quarantined> on_death(const std::vector<Suspicion>& suspicions, MonotonicNs now, RealNs real);
  // What stood against the channel counts no more.
  void forget(std::string_view channel);

private:
  struct Held {
    MonotonicNs at;
    Evidence evidence;
  };
  static size_t distinct(const std::deque<Held>& held);
  std::map<std::string, std::deque<Held>, std::less<>> against_;
};

}  // namespace e2k::supervisor
