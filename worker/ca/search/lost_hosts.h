// Pure. Watches for the return of servers whose channels were lost.
//
// libca asks for a disconnected channel again only on its 10 s tick. Here one name of every lost server, a
// different one each time, is due every kProbeInterval for kEagerNs, the time in which a server comes back
// that was restarted; then ever more seldom, down to once in kMaxInterval, because some never come back and
// every probe is a broadcast. A beacon (appeared()) makes it eager again. At most kMaxProbesATurn names are
// due at once (they fill a few frames), the servers taking turns. When a probe is answered the caller asks
// for all names of that server, or, where the answer proves nothing new (a circuit that merely hangs), calls
// hold(): then the server's next probe waits twice as long, up to kMaxInterval, until it loses or regains a
// channel.
//
// Numbers of names are small and dense; a name belongs to at most one server. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "worker/ca/search/codec.h"
#include "worker/ca/search/pacing.h"

namespace e2k::worker::search {

class LostHosts {
public:
  static constexpr int64_t kProbeIntervalNs = 500 * kNsPerMs, kMaxIntervalNs = 30 * kNsPerSecond;
  static constexpr int64_t kEagerNs = 120 * kNsPerSecond;
  static constexpr size_t kMaxProbesATurn = 100;

  void lost(NameId id, ServerAddress server, MonotonicNs now);
  void regained(NameId id);  // connected, or not wanted any more
  bool is_lost(NameId id) const { return id < places_.size() && places_[id].host != kNone; }

  // The names to ask for now.
  void turn(MonotonicNs now, std::vector<NameId>& probes);
  std::optional<MonotonicNs> next_turn() const;
  // The server's beacon started anew: probe it at once.
  void appeared(ServerAddress server, MonotonicNs now);
  void hold(NameId id);
  // All lost names of the server that `id` was lost from.
  std::vector<NameId> companions(NameId id) const;
  size_t servers() const { return live_; }

private:
  static constexpr uint32_t kNone = 0xffffffff;
  struct Place {
    uint32_t host = kNone;
    uint32_t index = 0;  // in Host::names
  };
  struct Host {
    std::vector<NameId> names;
    size_t cursor = 0;
    int64_t interval_ns = kProbeIntervalNs;
    MonotonicNs due;
    MonotonicNs eager_until;
  };

  std::vector<Place> places_;
  std::vector<Host> hosts_;
  std::map<ServerAddress, uint32_t> numbers_;
  size_t first_ = 0;  // whose turn it is first
  size_t live_ = 0;   // hosts with lost names
};

}  // namespace e2k::worker::search
