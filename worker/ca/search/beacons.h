// Pure. What beacons tell: that a server was started, or can be reached again.
//
// Judged as libca judges them, by each server's period and numbers: a period that shrinks to 0.8 of the
// average (a server that has just started sends them quickly), or that grows to 3.25 of it (it was away), and
// a second beacon that follows its first sooner than we have been running (a server that is new). Numbers
// that go back or stand still are doubles on another route and say nothing, nor do small jumps, which are
// lost datagrams. A number alone never says anything: a pair of gateways, or a foreign sender, may count as
// it likes.
//
// Whatever is sent to us, a server is believed once in kServerIntervalNs, and all of them together kBurst
// times at once and once in kCommonIntervalNs after that. The table holds kMaxServers; when it is full it
// begins anew, at most once in kForgetIntervalNs. One thread.
#pragma once

#include <cstdint>
#include <map>

#include "common/clock.h"
#include "worker/ca/search/codec.h"

namespace e2k::worker::search {

class Beacons {
public:
  static constexpr int64_t kServerIntervalNs = 60 * kNsPerSecond, kCommonIntervalNs = 6 * kNsPerSecond;
  static constexpr int64_t kForgetIntervalNs = 600 * kNsPerSecond;
  static constexpr int kBurst = 5;
  static constexpr size_t kMaxServers = 16384;

  explicit Beacons(MonotonicNs began) : began_(began), refilled_(began) {}

  // True: something is new about the beacon's server.
  bool take(const Beacon& beacon, MonotonicNs now);
  // The server's circuit is gone: its next two beacons are judged as those of a new one, as in libca.
  void forget(ServerAddress server);
  // That were heard.
  size_t servers() const { return servers_.size(); }

private:
  struct Server {
    bool heard = false;
    MonotonicNs last;
    int64_t average_ns = -1;  // none yet: one beacon was heard
    uint32_t number = 0;
    MonotonicNs believed{INT64_MIN / 2};
  };
  bool judge(Server& server, const Beacon& beacon, MonotonicNs now) const;
  bool may_believe(Server& server, MonotonicNs now);

  std::map<ServerAddress, Server> servers_;
  MonotonicNs began_, refilled_, forgot_{INT64_MIN / 2};
  int tokens_ = kBurst;
};

}  // namespace e2k::worker::search
