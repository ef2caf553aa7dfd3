#include "worker/ca/search/lost_hosts.h"

#include <algorithm>

namespace e2k::worker::search {

void LostHosts::lost(NameId id, ServerAddress server, MonotonicNs now) {
  if (id >= places_.size()) places_.resize(size_t{id} + 1);
  if (is_lost(id)) regained(id);
  const auto [it, is_new] = numbers_.try_emplace(server, static_cast<uint32_t>(hosts_.size()));
  if (is_new) hosts_.emplace_back();
  Host& host = hosts_[it->second];
  if (host.names.empty()) {
    ++live_;
    host.due = MonotonicNs{now.value + kProbeIntervalNs};
    host.interval_ns = kProbeIntervalNs;
    host.eager_until = MonotonicNs{now.value + kEagerNs};
  }
  places_[id] = {it->second, static_cast<uint32_t>(host.names.size())};
  host.names.push_back(id);
}

void LostHosts::regained(NameId id) {
  if (!is_lost(id)) return;
  const Place place = places_[id];
  Host& host = hosts_[place.host];
  const NameId last = host.names.back();
  host.names[place.index] = last;
  places_[last].index = place.index;
  host.names.pop_back();
  places_[id].host = kNone;
  host.interval_ns = kProbeIntervalNs;
  if (host.names.empty()) {
    --live_;
    host.names.shrink_to_fit();
  }
}

void LostHosts::turn(MonotonicNs now, std::vector<NameId>& probes) {
  if (live_ == 0) return;
  size_t room = kMaxProbesATurn;
  for (size_t step = 0; step < hosts_.size() && room > 0; ++step) {
    const size_t number = (first_ + step) % hosts_.size();
    Host& host = hosts_[number];
    if (host.names.empty() || host.due > now) continue;
    host.cursor = (host.cursor + 1) % host.names.size();
    probes.push_back(host.names[host.cursor]);
    if (now > host.eager_until) host.interval_ns = std::min(host.interval_ns * 2, kMaxIntervalNs);
    host.due = MonotonicNs{now.value + host.interval_ns};
    if (--room == 0) first_ = number + 1;
  }
}

std::optional<MonotonicNs> LostHosts::next_turn() const {
  std::optional<MonotonicNs> next;
  if (live_ == 0) return next;
  for (const Host& host : hosts_)
    if (!host.names.empty() && (!next || host.due < *next)) next = host.due;
  return next;
}

void LostHosts::appeared(ServerAddress server, MonotonicNs now) {
  const auto it = numbers_.find(server);
  if (it == numbers_.end()) return;
  hosts_[it->second].due = now;
  hosts_[it->second].interval_ns = kProbeIntervalNs;
  hosts_[it->second].eager_until = MonotonicNs{now.value + kEagerNs};
}

void LostHosts::hold(NameId id) {
  if (!is_lost(id)) return;
  Host& host = hosts_[places_[id].host];
  // Counted from the probe that was sent: its due time moves along.
  host.due = MonotonicNs{host.due.value + host.interval_ns};
  host.interval_ns = std::min(host.interval_ns * 2, kMaxIntervalNs);
}

std::vector<NameId> LostHosts::companions(NameId id) const {
  return is_lost(id) ? hosts_[places_[id].host].names : std::vector<NameId>{};
}

}  // namespace e2k::worker::search
