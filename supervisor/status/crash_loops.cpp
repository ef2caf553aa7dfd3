#include "supervisor/status/crash_loops.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace e2k::supervisor {

void CrashLoops::on_death(const Obituary& worker, const std::string& at_work, MonotonicNs now, RealNs real) {
  if (worker.cause != ExitCause::crash && worker.cause != ExitCause::hang) return;
  Loop& loop = loops_[worker.slot];
  if (loop.deaths == 0 || now.value - loop.last.value > kQuietNs) loop = Loop{0, now, real, "", ""};
  ++loop.deaths;
  loop.last = now;
  loop.how = worker.how;
  loop.at_work = at_work;
}

std::string CrashLoops::problem(MonotonicNs now) const {
  std::string text;
  for (const auto& [slot, loop] : loops_) {
    if (loop.deaths < kDeaths || now.value - loop.last.value > kQuietNs) continue;
    const auto since = static_cast<std::time_t>(loop.since.value / kNsPerSecond);
    text += fmt::format("worker {} died {} times since {:%Y-%m-%dT%H:%M:%SZ}, last by {}, {}", slot.value,
                        loop.deaths, fmt::gmtime(since), loop.how,
                        loop.at_work.empty() ? "at work on no entry" : "at work on " + loop.at_work);
    const auto search = searches_.find(slot);
    if (search != searches_.end() && !search->second.empty()) text += "; " + search->second;
    text += ". ";
  }
  if (!text.empty())
    text += "The channel that does it is set aside as soon as it is certain (CHANNEL_QUARANTINED)";
  return text;
}

}  // namespace e2k::supervisor
