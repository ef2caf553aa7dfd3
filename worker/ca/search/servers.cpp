#include "worker/ca/search/servers.h"

#include <algorithm>

namespace e2k::worker::search {
ServerNumber Servers::number_of(ServerAddress address) {
  const auto [place, is_new] = numbers_.try_emplace(address, kNoServer);
  if (!is_new) return place->second;
  if (free_.empty()) {
    free_.push_back(static_cast<ServerNumber>(servers_.size()));
    servers_.emplace_back();
  }
  place->second = free_.back();
  free_.pop_back();
  servers_[place->second] = Watch{};
  servers_[place->second].server.address = address;
  return place->second;
}

void Servers::forget(ServerNumber number) {
  numbers_.erase(servers_[number].server.address);
  servers_[number] = Watch{};
  servers_[number].is_free = true;
  free_.push_back(number);
}

ServerNumber Servers::find(ServerAddress address) const {
  const auto place = numbers_.find(address);
  return place == numbers_.end() ? kNoServer : place->second;
}

ServerNumber Servers::parked_at(NameId id) const {
  return id < places_.size() ? places_[id].server : kNoServer;
}

void Servers::become(Watch& w, Standing standing, MonotonicNs now) {
  if (w.server.standing == standing) return;
  w.server.standing = standing;
  w.server.since = now;
  w.answered_at = MonotonicNs{0};
}

Servers::Verdict Servers::answered(ServerNumber number, NameId id, uint16_t minor_version, MonotonicNs now) {
  Watch& w = servers_[number];
  w.server.minor_version = minor_version;
  switch (w.server.standing) {
    case Standing::up:
      return Verdict::create;
    case Standing::untried:
      return scout(w, id, now);
    case Standing::gone:
    case Standing::refusing:
      return now >= w.attempt_due ? scout(w, id, now) : Verdict::wait;
    case Standing::trying:
      return Verdict::wait;
    case Standing::silent:
    case Standing::hung:
      return answered_beside_circuit(w, id, now);
  }
  return Verdict::wait;
}

// It answers searches although its circuit is dumb. One that has merely paused recovers by itself at the same
// time.
Servers::Verdict Servers::answered_beside_circuit(Watch& w, NameId id, MonotonicNs now) {
  if (w.answered_at.value == 0) {
    w.answered_at = now;
    w.probe_due = MonotonicNs{now.value + kPauseNs};
    return Verdict::wait;
  }
  if (now.value - w.answered_at.value < kPauseNs || now < w.attempt_due) return Verdict::wait;
  w.server.circuit ^= 1;
  w.attempt_due = MonotonicNs{now.value + w.attempt_ns};
  w.attempt_ns = std::min(w.attempt_ns * 2, kMaxAttemptNs);
  return scout(w, id, now);
}

Servers::Verdict Servers::scout(Watch& w, NameId id, MonotonicNs now) {
  become(w, Standing::trying, now);
  w.server.since = now;
  w.server.scout = id;
  return Verdict::scout;
}

void Servers::park(NameId id, ServerNumber number, MonotonicNs now) {
  if (id >= places_.size()) places_.resize(size_t{id} + 1);
  if (places_[id].server == number) return;
  leave(id);
  Watch& w = servers_[number];
  if (w.server.names.empty()) watch_from_start(w, now);
  places_[id] = {number, static_cast<uint32_t>(w.server.names.size())};
  w.server.names.push_back(id);
}

void Servers::leave(NameId id) {
  if (parked_at(id) == kNoServer) return;
  const Place place = places_[id];
  std::vector<NameId>& names = servers_[place.server].server.names;
  const NameId last = names.back();
  names[place.index] = last;
  places_[last].index = place.index;
  names.pop_back();
  places_[id].server = kNoServer;
  if (names.empty()) names.shrink_to_fit();
}

bool Servers::connected(ServerNumber number, MonotonicNs now) {
  Watch& w = servers_[number];
  ++w.server.connected;
  w.server.refusals = 0;
  w.server.dumb = false;
  if (w.server.standing == Standing::up) return false;
  become(w, Standing::up, now);
  return true;
}

void Servers::lost(ServerNumber number, bool circuit_stands, MonotonicNs now) {
  Watch& w = servers_[number];
  if (w.server.connected > 0) --w.server.connected;
  if (w.server.standing != Standing::up) return;
  const MonotonicNs up_since = w.server.since;
  // A server that lets go of single channels is up for the others.
  if (circuit_stands)
    become(w, Standing::hung, now);
  else if (w.server.connected == 0)
    become(w, Standing::gone, now);
  else
    return;
  damp(w, up_since, now);
  watch_from_start(w, now);
}

// One that was up for a while may be tried at once, as may the first one that was not.
void Servers::damp(Watch& w, MonotonicNs up_since, MonotonicNs now) {
  const bool flaps = now.value - up_since.value < kSteadyNs && now < w.flaps_until;
  w.flaps_until = MonotonicNs{now.value + 4 * kMaxAttemptNs};
  w.attempt_due = MonotonicNs{flaps ? now.value + w.attempt_ns : 0};
  w.attempt_ns = flaps ? std::min(w.attempt_ns * 2, kMaxAttemptNs) : kFirstAttemptNs;
}

void Servers::cleared(ServerNumber number, MonotonicNs now) {
  Watch& w = servers_[number];
  if (w.server.connected == 0 || --w.server.connected > 0 || w.server.standing != Standing::up) return;
  become(w, w.server.names.empty() ? Standing::untried : Standing::gone, now);
}

void Servers::broke(ServerNumber number, MonotonicNs now) {
  Watch& w = servers_[number];
  if (w.server.standing == Standing::hung)
    become(w, w.server.connected > 0 ? Standing::up : Standing::gone, now);
}

void Servers::scout_failed(ServerNumber number, MonotonicNs now) {
  Watch& w = servers_[number];
  ++w.server.refusals;
  w.server.dumb = false;
  become(w, Standing::refusing, now);
  w.attempt_due = MonotonicNs{now.value + w.attempt_ns};
  w.attempt_ns = std::min(w.attempt_ns * 2, kMaxAttemptNs);
  w.probe_due = w.attempt_due;
}

void Servers::scout_left(ServerNumber number, MonotonicNs now) {
  Watch& w = servers_[number];
  if (w.server.standing != Standing::trying && w.server.standing != Standing::silent) return;
  become(w, w.server.refusals > 0 ? Standing::refusing : Standing::gone, now);
  w.probe_due = std::max(now, w.attempt_due);
}

void Servers::appeared(ServerNumber number, MonotonicNs now) {
  Watch& w = servers_[number];
  w.attempt_ns = kFirstAttemptNs;
  w.attempt_due = now;
  watch_from_start(w, now);
  w.probe_due = now;
}

void Servers::look_again(int64_t longest_ns, MonotonicNs now) {
  for (Watch& w : servers_) {
    if (!is_probed(w) || w.server.standing == Standing::refusing) continue;
    w.probe_due = std::min(w.probe_due, MonotonicNs{(now.value / kBaseNs + 1) * kBaseNs});
    if (w.server.standing != Standing::gone && w.server.standing != Standing::up) continue;
    w.used = 0;
    w.interval_ns = std::min(w.interval_ns, longest_ns);
  }
}

void Servers::watch_from_start(Watch& w, MonotonicNs now) {
  w.used = 0;
  switch (w.server.standing) {
    case Standing::hung:
      w.interval_ns = kHungNs;
      break;
    case Standing::silent:
      w.interval_ns = kSilentNs;
      break;
    case Standing::untried:
    case Standing::trying:
    case Standing::up:
    case Standing::refusing:
    case Standing::gone:
      w.interval_ns = kBaseNs;
      break;
  }
  schedule_probe(w, now);
}

// On a multiple of the interval, one interval from now, give or take a half.
void Servers::schedule_probe(Watch& w, MonotonicNs now) {
  w.probe_due = MonotonicNs{((now.value + w.interval_ns / 2) / w.interval_ns + 1) * w.interval_ns};
  if (w.server.standing == Standing::silent) w.probe_due = MonotonicNs{now.value + w.interval_ns};
  if (w.interval_ns == kBaseNs) w.probe_due = MonotonicNs{(now.value / kBaseNs + 1) * kBaseNs};
}

void Servers::lengthen(Watch& w, MonotonicNs now) {
  const auto frames = static_cast<uint32_t>(w.server.names.size() / kNamesAFrame);
  int64_t longest_ns = std::max(kBaseNs, max_period_ns_ * 5 / 4 / std::max<int64_t>(1, frames));
  ++w.used;
  if (w.server.standing == Standing::hung) {
    if (now.value - w.server.since.value < kHungEagerNs) return;
    longest_ns = kMaxAttemptNs;
  } else if (w.server.standing == Standing::silent) {
    longest_ns = max_period_ns_;
  } else if (w.used < std::max(w.interval_ns == kBaseNs ? kFirstTries : 1, frames)) {
    return;
  }
  w.used = 0;
  w.interval_ns = std::min(w.interval_ns * 2, longest_ns);
}

bool Servers::is_probed(const Watch& w) {
  if (w.server.names.empty()) return false;
  switch (w.server.standing) {
    case Standing::untried:
    case Standing::trying:
      return false;
    case Standing::silent:
    case Standing::up:
    case Standing::refusing:
    case Standing::gone:
    case Standing::hung:
      return true;
  }
  return false;
}

void Servers::turn(MonotonicNs now, size_t room, std::vector<NameId>& probes) {
  room = std::min(room, kMaxProbesATurn);
  for (size_t step = 0; step < servers_.size() && room > 0; ++step) {
    const size_t number = (first_ + step) % servers_.size();
    Watch& w = servers_[number];
    if (w.server.standing == Standing::trying && now.value - w.server.since.value >= kSilentAfterNs) {
      become(w, Standing::silent, now);
      w.server.dumb = true;
      watch_from_start(w, now);
    }
    if (!is_probed(w) || w.probe_due > now) continue;
    w.cursor = (w.cursor + 1) % w.server.names.size();
    probes.push_back(w.server.names[w.cursor]);
    if (w.server.standing == Standing::refusing) {
      w.probe_due = MonotonicNs{now.value + w.attempt_ns};  // should this one stay without an answer
    } else {
      lengthen(w, now);
      schedule_probe(w, now);
    }
    if (--room == 0) first_ = number + 1;
  }
}

std::optional<MonotonicNs> Servers::next_turn() const {
  std::optional<MonotonicNs> next;
  const auto sooner = [&](int64_t at) {
    if (!next || at < next->value) next = MonotonicNs{at};
  };
  for (const Watch& w : servers_) {
    if (is_probed(w)) sooner(w.probe_due.value);
    if (w.server.standing == Standing::trying) sooner(w.server.since.value + kSilentAfterNs);
  }
  return next;
}

}  // namespace e2k::worker::search
