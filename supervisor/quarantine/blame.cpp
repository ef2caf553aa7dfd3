#include "supervisor/quarantine/blame.h"

#include <signal.h>

#include <set>
#include <tuple>
#include <utility>

namespace e2k::supervisor {

bool Blame::counts(const Obituary& worker) {
  if (worker.cause == ExitCause::hang) return true;
  if (!worker.signal) return false;
  switch (*worker.signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGABRT:
      return true;
    default:
      return false;
  }
}

size_t Blame::distinct(const std::deque<Held>& held) {
  std::set<std::tuple<uint16_t, uint64_t, uint64_t>> records;
  size_t others = 0;
  for (const Held& one : held) {
    if (one.evidence.position == 0) {
      ++others;
    } else {
      records.emplace(one.evidence.slot.value, one.evidence.log, one.evidence.position);
    }
  }
  return others + records.size();
}

std::vector<Quarantined> Blame::on_death(const std::vector<Suspicion>& suspicions, MonotonicNs now,
                                         RealNs real) {
  for (auto it = against_.begin(); it != against_.end();) {
    std::deque<Held>& held = it->second;
    while (!held.empty() && now.value - held.front().at.value > kWindowNs) held.pop_front();
    it = held.empty() ? against_.erase(it) : std::next(it);
  }
  std::set<std::string> named;
  std::vector<Quarantined> guilty;
  for (const Suspicion& one : suspicions) {
    std::deque<Held>& held = against_[one.channel];
    // Two threads at work on one channel are one death.
    if (!named.insert(one.channel).second) continue;
    held.push_back({now, one.evidence});
    if (distinct(held) < kDeaths) continue;
    Quarantined channel{one.channel, real, {}};
    for (Held& evidence : held) channel.evidence.push_back(std::move(evidence.evidence));
    guilty.push_back(std::move(channel));
    against_.erase(one.channel);
  }
  return guilty;
}

void Blame::forget(std::string_view channel) {
  if (const auto found = against_.find(channel); found != against_.end()) against_.erase(found);
}

}  // namespace e2k::supervisor
