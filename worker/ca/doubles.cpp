#include "worker/ca/doubles.h"

#include <algorithm>
#include <utility>

namespace e2k::worker::ca {

bool Doubles::note(const Channel& channel, search::ServerNumber other, MonotonicNs now) {
  const auto [place, is_new] = doubles_.try_emplace(channel.number);
  Double& d = place->second;
  d.heard = now;
  if (!is_new && d.other == other) return false;
  d = {other, now, MonotonicNs{0}, kCheckNs, 0, false};
  put_off(channel.number, d, MonotonicNs{now.value + kCheckNs});
  account_.tell_also_host(channel, account_.name_of(other));
  return true;
}

void Doubles::put_off(uint32_t channel, Double& d, MonotonicNs until) {
  d.visit = ++visits_;
  const int64_t spread_ns = d.is_asked ? 0 : channel % 1000 * (kSpreadNs / 1000);
  due_.emplace(MonotonicNs{until.value + spread_ns}, Visit{channel, d.visit});
}

void Doubles::check(MonotonicNs now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const Visit visit = due_.begin()->second;
    due_.erase(due_.begin());
    const auto place = doubles_.find(visit.channel);
    const Channel* channel = table_.at(visit.channel);
    if (place == doubles_.end() || place->second.visit != visit.visit || !channel) continue;
    Double& d = place->second;
    if (std::exchange(d.is_asked, !d.is_asked)) {
      if (d.heard < d.asked) {
        end(*channel);
        continue;
      }
      d.interval_ns = std::min(d.interval_ns * 2, kMaxCheckNs);
      put_off(visit.channel, d, MonotonicNs{now.value + d.interval_ns});
    } else {
      search_.check(visit.channel, now);
      d.asked = now;
      put_off(visit.channel, d, MonotonicNs{now.value + kAnswerNs});
    }
  }
}

void Doubles::end(const Channel& channel) {
  if (doubles_.erase(channel.number) > 0) account_.tell_also_host(channel, "");
}

search::ServerNumber Doubles::other_of(const Channel& channel) const {
  const auto found = doubles_.find(channel.number);
  return found == doubles_.end() ? search::kNoServer : found->second.other;
}

uint32_t Doubles::entries() const {
  uint32_t count = 0;
  for (const auto& [number, d] : doubles_)
    if (const Channel* channel = table_.at(number)) for_each_entry(*channel, [&](Entry&) { ++count; });
  return count;
}

void Doubles::mark(std::vector<bool>& servers) const {
  for (const auto& [number, d] : doubles_) servers[d.other] = true;
}

}  // namespace e2k::worker::ca
