// Pure. What is known of a worker's death that was a channel's doing, and of the channels that are set aside.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"

namespace e2k::supervisor {

// One death, as it stands against a channel.
struct Evidence {
  Slot slot;
  Generation generation;
  int signal = 0;  // that it died of; SIGKILL where it was killed for having hung
  RealNs at{};
  std::string thread;  // that was at work on the channel: "publish", "ca_callback"; "": it was searched for
  // The publisher's: the record at hand.
  uint64_t log = 0, position = 0;
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

struct Quarantined {
  std::string channel;
  RealNs since{};
  std::vector<Evidence> evidence;  // the oldest first
  int64_t command_offset = -1;     // of its newest command then; -1: not known
  friend bool operator==(const Quarantined&, const Quarantined&) = default;
};

// "signal 11 (SIGSEGV) in its publish thread (worker 0, generation 7, 2026-11-27T02:25:47Z)"
std::string text_of(const Evidence& evidence);
// All of it: "it ended workers twice: …; …".
std::string text_of(const Quarantined& channel);

}  // namespace e2k::supervisor
