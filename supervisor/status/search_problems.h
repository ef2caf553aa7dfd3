// Pure. What of the search for channels an operator must act on: a message for each kind, "" where nothing is
// amiss. A thing is told once it has lasted for kLastsNs; while entries are searched for anew, as after the
// restart of a worker, what was told stands for kHeldNs more.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/clock.h"
#include "supervisor/control/model.h"
#include "supervisor/status/channel_round.h"
#include "supervisor/status/reason_code.h"

namespace e2k::supervisor {

// Of the living workers together.
struct SearchFacts {
  uint64_t entries = 0;    // that they are to monitor
  uint64_t connected = 0;  // entries
  std::set<std::string> addresses;
  uint64_t frames = 0, answers = 0;
  uint32_t beacon_servers = 0;  // the most that one of them heard
  std::string beacon_of;
};

struct FoundWanting {
  std::string nothing_connected;  // NOTHING_CONNECTED
  std::string ioc_lost;           // IOC_LOST
  std::string channels_lost;      // CHANNELS_LOST
  std::string never_connected;    // CHANNELS_NEVER_CONNECTED
};

// Why no channel is connected, where another reason tells it: each of them waits for an IOC that hangs.
std::optional<ReasonCode> cause_of_nothing_connected(const std::vector<HostView>& hosts,
                                                     const ChannelsSeen& seen);

class SearchProblems {
public:
  static constexpr int64_t kLastsNs = 5 * kNsPerSecond, kHeldNs = 15 * kNsPerSecond;
  // Where output.never_connected_after_s has passed already.
  static constexpr int64_t kNeverLastsNs = 2 * kNsPerSecond;

  // Of NOTHING_CONNECTED how long it has to last.
  explicit SearchProblems(int64_t nothing_after_ns) : nothing_(nothing_after_ns) {}
  FoundWanting judge(const SearchFacts& facts, const std::vector<HostView>& hosts, const ChannelsSeen& seen,
                     MonotonicNs now, RealNs real);

private:
  class Lasting {
  public:
    explicit Lasting(int64_t lasts_ns = kLastsNs) : lasts_ns_(lasts_ns) {}
    // `message`: what is amiss now. Returns what is to be told.
    std::string tell(const std::string& message, bool is_unsettled, MonotonicNs now);
    int64_t lasted_ns(MonotonicNs now) const { return since_ ? now.value - since_->value : 0; }

  private:
    int64_t lasts_ns_;
    std::optional<MonotonicNs> since_;
    MonotonicNs last_{};
    std::string told_;
  };

  Lasting nothing_, ioc_lost_{0}, lost_, never_{kNeverLastsNs};
};

}  // namespace e2k::supervisor
