#include "supervisor/status/search_problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor {
namespace {

using ledger::HostState;
constexpr size_t kAddresses = 5, kHostExamples = 3;

double seconds(int64_t ns) {
  return static_cast<double>(ns) / static_cast<double>(kNsPerSecond);
}
std::string of_entries(uint64_t entries) {
  return entries == 1 ? "the channel of 1 entry" : fmt::format("the channels of {} entries", entries);
}

std::string names_text(const std::vector<UnfoundChannel>& names, uint64_t entries) {
  std::string text;
  for (const UnfoundChannel& one : names) {
    text += (text.empty() ? "" : ", ") + one.name;
    if (!one.meant.empty()) text += " (is " + one.meant + " meant?)";
  }
  return entries > names.size() ? text + ", …" : text;
}

std::string addresses_text(const std::set<std::string>& addresses) {
  std::string text;
  size_t shown = 0;
  for (const std::string& address : addresses) {
    if (++shown > kAddresses) break;
    text += (text.empty() ? "" : ", ") + address;
  }
  if (addresses.size() > kAddresses) text += fmt::format(" and {} more", addresses.size() - kAddresses);
  return text;
}

// What was heard since the workers began, and what that means.
std::string heard_text(const SearchFacts& facts) {
  if (facts.answers > 0)
    return fmt::format(
        "IOCs answered {} times since the workers began: see IOC_LOST, IOC_HUNG or IOC_REFUSES, or look at "
        "the "
        "network to them",
        facts.answers);
  if (facts.beacon_servers > 0)
    return fmt::format(
        "no IOC answered, though beacons of {} come, of {} first: let epics.addr_list name the IOCs that "
        "have these channels, and correct the names",
        facts.beacon_servers == 1 ? "one server" : fmt::format("{} servers", facts.beacon_servers),
        facts.beacon_of);
  return "no IOC answered and no beacon came: do the IOCs live, is epics.addr_list right, does a firewall "
         "let UDP through?";
}

std::string nothing_text(const SearchFacts& facts, double lasted_s) {
  if (facts.entries == 0 || facts.connected > 0) return "";
  std::string text = fmt::format("{} {} not connected, none is, for {}. ", of_entries(facts.entries),
                                 facts.entries == 1 ? "is" : "are", duration_text(lasted_s));
  if (facts.addresses.empty())
    return text + "No address is searched: set epics.addr_list, epics.auto_addr_list or epics.name_servers";
  return text +
         fmt::format("Searched at {}, {} search frames went out; ", addresses_text(facts.addresses),
                     facts.frames) +
         heard_text(facts);
}

std::string lost_iocs_text(const std::vector<HostView>& hosts, RealNs real) {
  std::string text;
  size_t lost = 0;
  uint64_t channels = 0;
  for (const HostView& host : hosts) {
    const int64_t lasted_ns = real.value - host.since_unix_ns;
    if (host.state != HostState::gone || host.waiting == 0 || is_up_elsewhere(host)) continue;
    if (lasted_ns < SearchProblems::kLastsNs) continue;
    channels += host.waiting;
    if (++lost > kHostExamples) continue;
    text += fmt::format("{}{} ({} {}, for {})", text.empty() ? "" : "; ", host.host, host.waiting,
                        host.waiting == 1 ? "channel" : "channels", duration_text(seconds(lasted_ns)));
  }
  if (lost == 0) return "";
  if (lost > kHostExamples) text += fmt::format("; and {} more", lost - kHostExamples);
  const std::string head = lost == 1 ? "an IOC is gone, its circuit is closed: "
                                     : fmt::format("{} IOCs are gone with {} channels: ", lost, channels);
  return head + text +
         ". Start it again, or look at the machine that it ran on; its channels come back by themselves, "
         "wherever they are served";
}

std::string lost_text(const ChannelsSeen& seen) {
  if (seen.lost == 0) return "";
  return fmt::format(
      "{} that {} connected {} found nowhere: {}. Their IOC is gone, or lives and has them no more; "
      "epics2kafkactl why NAME says more",
      of_entries(seen.lost), seen.lost == 1 ? "was" : "were", seen.lost == 1 ? "is" : "are",
      names_text(seen.lost_names, seen.lost));
}

std::string never_text(const ChannelsSeen& seen) {
  if (seen.never_connected == 0) return "";
  return fmt::format(
      "no IOC has ever answered for {}: {}. Correct the names, start their IOCs, or let epics.addr_list "
      "reach them; epics2kafkactl why NAME says more",
      of_entries(seen.never_connected), names_text(seen.never_connected_names, seen.never_connected));
}

}  // namespace

std::optional<ReasonCode> cause_of_nothing_connected(const std::vector<HostView>& hosts,
                                                     const ChannelsSeen& seen) {
  const auto hangs = [](const HostView& host) { return host.state == HostState::hung; };
  const bool others_wait =
      std::ranges::any_of(hosts, [&](const HostView& host) { return host.waiting > 0 && !hangs(host); });
  if (others_wait || seen.pending + seen.lost + seen.never_connected > 0) return std::nullopt;
  return std::ranges::any_of(hosts, hangs) ? std::optional(ReasonCode::ioc_hung) : std::nullopt;
}

FoundWanting SearchProblems::judge(const SearchFacts& facts, const std::vector<HostView>& hosts,
                                   const ChannelsSeen& seen, MonotonicNs now, RealNs real) {
  const bool is_unsettled = seen.pending > 0;
  FoundWanting out;
  out.nothing_connected = nothing_.tell(nothing_text(facts, seconds(nothing_.lasted_ns(now))),
                                        is_unsettled && facts.connected == 0, now);
  // Each of them has lasted by its own stamp.
  out.ioc_lost = ioc_lost_.tell(lost_iocs_text(hosts, real), is_unsettled, now);
  out.channels_lost = lost_.tell(lost_text(seen), is_unsettled, now);
  out.never_connected = never_.tell(never_text(seen), is_unsettled, now);
  return out;
}

std::string SearchProblems::Lasting::tell(const std::string& message, bool is_unsettled, MonotonicNs now) {
  if (message.empty()) {
    if (!told_.empty() && is_unsettled && now.value - last_.value < kHeldNs) return told_;
    since_.reset();
    told_.clear();
    return "";
  }
  if (!since_) since_ = now;
  last_ = now;
  if (now.value - since_->value >= lasts_ns_) told_ = message;
  return told_;
}

}  // namespace e2k::supervisor
