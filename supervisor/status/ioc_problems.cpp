#include "supervisor/status/ioc_problems.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor {
namespace {

using ledger::HostState;
constexpr size_t kExamples = 3;
// A circuit that is being opened for longer is worth a reason.
constexpr double kSilentForS = 10;

// "2 IOCs …: a; b" with what `text` says of each of the first.
std::string listed(const std::vector<const HostView*>& found, std::string_view what,
                   const std::function<std::string(const HostView&)>& text, std::string_view remedy) {
  if (found.empty()) return "";
  std::string out = found.size() == 1 ? "an IOC " : fmt::format("{} IOCs ", found.size());
  out += what;
  for (size_t i = 0; i < found.size() && i < kExamples; ++i) out += (i == 0 ? ": " : "; ") + text(*found[i]);
  if (found.size() > kExamples) out += fmt::format("; and {} more", found.size() - kExamples);
  return out + ". " + std::string(remedy);
}

double age_s(const HostView& host, RealNs now) {
  return static_cast<double>(now.value - host.since_unix_ns) / 1e9;
}

}  // namespace

IocProblems judge_iocs(const std::vector<HostView>& hosts, uint64_t duplicated,
                       const std::vector<DuplicateExample>& examples, double max_clock_skew_s, RealNs now) {
  std::vector<const HostView*> refuse, hang, skewed;
  for (const HostView& host : hosts) {
    const bool silent = host.state == HostState::silent && age_s(host, now) >= kSilentForS;
    if (host.waiting > 0 && (host.state == HostState::refusing || silent)) refuse.push_back(&host);
    if (host.state == HostState::hung) hang.push_back(&host);
    if (host.clock_skew_s && std::abs(*host.clock_skew_s) > max_clock_skew_s) skewed.push_back(&host);
  }
  const auto waiting = [now](const HostView& host) {
    return fmt::format("{} ({} {}, for {})", host.host, host.waiting,
                       host.waiting == 1 ? "channel" : "channels", duration_text(age_s(host, now)));
  };
  IocProblems out;
  out.refuses = listed(refuse, "answers searches and lets nobody connect", waiting,
                       "Does its CA server live, has it sockets left, does a firewall let TCP through? "
                       "epics2kafkactl channel NAME says more of a channel");
  out.hung = listed(hang, "does not respond, its circuit stands", waiting,
                    "Look at the IOC, and at the network to it; its channels come back by themselves");
  out.clock = listed(
      skewed, "has a clock that is wrong",
      [](const HostView& host) {
        return fmt::format("{} is {:.0f} s {} ours", host.host, std::abs(*host.clock_skew_s),
                           *host.clock_skew_s > 0 ? "behind" : "ahead of");
      },
      "Mend its time server. Topics with retention.ms erase what is stamped too early: output.max_past_s, "
      "output.timestamp");
  if (duplicated == 0 || examples.empty()) return out;
  out.duplicated = fmt::format("more than one server answers for the channels of {} entries", duplicated);
  for (size_t i = 0; i < examples.size() && i < kExamples; ++i)
    out.duplicated += fmt::format("{}{} is at {} and at {}", i == 0 ? ": " : "; ", examples[i].channel,
                                  examples[i].host, examples[i].also_host);
  out.duplicated += ". Which of them is served is chance: take the name off one of them";
  return out;
}

}  // namespace e2k::supervisor
