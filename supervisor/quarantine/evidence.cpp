#include "supervisor/quarantine/evidence.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <ctime>

namespace e2k::supervisor {
namespace {

std::string time_text(RealNs at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(at.value / kNsPerSecond)));
}

std::string signal_text(int signal) {
  if (signal == SIGKILL) return "killed because it hung";
  const char* const name = ::sigabbrev_np(signal);
  return fmt::format("signal {}{}", signal, name == nullptr ? "" : fmt::format(" (SIG{})", name));
}

}  // namespace

std::string text_of(const Evidence& evidence) {
  return fmt::format("{}{} (worker {}, generation {}, {})", signal_text(evidence.signal),
                     evidence.thread.empty() ? " whenever it was served"
                                             : " in the thread " + evidence.thread + " at work on it",
                     evidence.slot.value, evidence.generation.value, time_text(evidence.at));
}

std::string text_of(const Quarantined& channel) {
  std::string text =
      fmt::format("quarantined since {}, because workers ended over it: ", time_text(channel.since));
  for (const Evidence& one : channel.evidence)
    text += (&one == &channel.evidence.front() ? "" : "; ") + text_of(one);
  return text;
}

}  // namespace e2k::supervisor
