#include "supervisor/status/crash_loops.h"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor {
namespace {

std::string time_between(MonotonicNs earlier, MonotonicNs later) {
  return duration_text(static_cast<double>(later.value - earlier.value) / static_cast<double>(kNsPerSecond));
}

}  // namespace

bool CrashLoops::is_over(const Loop& loop, MonotonicNs now) {
  const int64_t patience_ns = loop.deaths < kDeaths ? kWindowNs : std::max(kQuietNs, 2 * loop.between_ns);
  return now.value - loop.last.value > patience_ns;
}

void CrashLoops::on_death(const Obituary& worker, const std::string& at_work, MonotonicNs now) {
  if (worker.cause != ExitCause::crash && worker.cause != ExitCause::hang) return;
  Loop& loop = loops_[worker.slot];
  if (loop.deaths == 0 || is_over(loop, now))
    loop = Loop{.since = now, .last = now, .how = "", .at_work = ""};
  ++loop.deaths;
  loop.between_ns = now.value - loop.last.value;
  loop.last = now;
  loop.how = worker.how;
  loop.at_work = at_work;
}

std::string CrashLoops::problem(MonotonicNs now) const {
  std::string text;
  for (const auto& [slot, loop] : loops_) {
    if (loop.deaths < kDeaths || is_over(loop, now)) continue;
    text += fmt::format("worker {} died {} times within {}, last {} ago by {}, {}", slot.value, loop.deaths,
                        time_between(loop.since, loop.last), time_between(loop.last, now), loop.how,
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
