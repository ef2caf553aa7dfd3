#include "worker/ca/search/beacons.h"

#include <algorithm>
#include <utility>

namespace e2k::worker::search {
namespace {

constexpr uint16_t kNumberedSince = 10;  // CA 4.10
constexpr uint32_t kDoublesUpTo = 256;   // so far back a number is one of before
constexpr uint32_t kLostUpTo = 3;        // so far ahead some in between were lost

// libca's arithmetic: one that wraps round is one short.
uint32_t advance_of(uint32_t from, uint32_t to) {
  return to >= from ? to - from : UINT32_MAX - from + to;
}

}  // namespace

bool Beacons::take(const Beacon& beacon, MonotonicNs now) {
  if (servers_.size() >= kMaxServers && !servers_.contains(beacon.server)) {
    if (now.value - forgot_.value < kForgetIntervalNs) return false;
    forgot_ = now;
    servers_.clear();
  }
  Server& server = servers_[beacon.server];
  if (!std::exchange(server.heard, true)) {
    server.last = now;
    server.number = beacon.number;
    return false;
  }
  return judge(server, beacon, now) && may_believe(server, now);
}

void Beacons::forget(ServerAddress address) {
  const auto place = servers_.find(address);
  if (place == servers_.end()) return;
  place->second.heard = false;
  place->second.average_ns = -1;
}

bool Beacons::judge(Server& server, const Beacon& beacon, MonotonicNs now) const {
  if (beacon.minor >= kNumberedSince) {
    const uint32_t advance = advance_of(server.number, beacon.number);
    server.number = beacon.number;
    if (advance == 0 || advance > UINT32_MAX - kDoublesUpTo) return false;
    if (advance > 1 && advance <= kLostUpTo) return false;
  }
  const int64_t period_ns = now.value - server.last.value;
  const int64_t average_ns = server.average_ns;
  const MonotonicNs before = server.last;
  server.last = now;
  if (average_ns < 0) {
    server.average_ns = period_ns;
    return period_ns <= before.value - began_.value;
  }
  server.average_ns = (period_ns + 7 * average_ns) / 8;
  return period_ns * 100 >= average_ns * 325 || period_ns * 100 <= average_ns * 80;
}

bool Beacons::may_believe(Server& server, MonotonicNs now) {
  if (now.value - server.believed.value < kServerIntervalNs) return false;
  const int64_t refill = (now.value - refilled_.value) / kCommonIntervalNs;
  if (refill > 0) {
    tokens_ = static_cast<int>(std::min<int64_t>(kBurst, tokens_ + refill));
    refilled_ = MonotonicNs{refilled_.value + refill * kCommonIntervalNs};
  }
  if (tokens_ == 0) return false;
  --tokens_;
  server.believed = now;
  return true;
}

}  // namespace e2k::worker::search
