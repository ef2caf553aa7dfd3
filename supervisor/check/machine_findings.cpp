#include "supervisor/check/machine_findings.h"

#include <fmt/format.h>

#include <cmath>
#include <system_error>

#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor::check {
namespace {

constexpr uint64_t kMiB = 1024 * 1024;
// Below these a service of some size runs into them; what it needs grows with IOCs and topics.
constexpr uint64_t kFewDescriptors = 1024, kTooFewDescriptors = 128;
constexpr double kNearlyAll = 0.8;
constexpr uint64_t kLittleRoom = 64 * kMiB;
constexpr uint64_t kLittleMemory = 256 * kMiB;

Finding of_directory(const DirectoryFacts& facts, const std::string& user) {
  const std::string what = fmt::format("directory {} ({})", facts.path, facts.setting);
  if (facts.is_absent)
    return {Level::warning, what + ": it does not exist; the start makes it where it may: install -d -o " +
                                user + " " + facts.path};
  if (facts.error != 0)
    return {Level::mistaken,
            fmt::format("{}: {} may not use it: {}; chown {} {}, or name another in {}", what, user,
                        std::generic_category().message(facts.error), user, facts.path, facts.setting)};
  const uint64_t room =
      facts.free_bytes > facts.keep_free_bytes ? facts.free_bytes - facts.keep_free_bytes : 0;
  const std::string above = facts.keep_free_bytes == 0
                                ? ""
                                : " above spool.keep_free_bytes (" + bytes_text(facts.keep_free_bytes) + ")";
  if (room < kLittleRoom)
    return {Level::mistaken,
            fmt::format("{}: {} of room{}; free its disk{}", what, bytes_text(room), above,
                        facts.keep_free_bytes == 0 ? "" : ", or lower spool.keep_free_bytes")};
  return {Level::ok, fmt::format("{}: writable, {} of room{}", what, bytes_text(room), above)};
}

Finding of_limit(const LimitFacts& facts) {
  std::string what = fmt::format("descriptors of {}: ", facts.process);
  what += facts.descriptors == UINT64_MAX ? "no limit" : fmt::format("at most {}", facts.descriptors);
  if (facts.used_descriptors) what += fmt::format(", {} in use", *facts.used_descriptors);
  const std::string remedy = "; raise LimitNOFILE= of the unit (65536), or ulimit -n before the start";
  const double used = static_cast<double>(facts.used_descriptors.value_or(0));
  if (facts.descriptors < kTooFewDescriptors) return {Level::mistaken, what + remedy};
  if (facts.descriptors < kFewDescriptors || used > kNearlyAll * static_cast<double>(facts.descriptors))
    return {Level::warning, what + remedy};
  return {Level::ok, what};
}

void of_addresses(const MachineFacts& facts, std::vector<Finding>& found) {
  size_t good = 0;
  for (const AddressFacts& address : facts.addresses) {
    if (address.error.empty()) {
      ++good;
      continue;
    }
    found.push_back(
        {Level::mistaken,
         fmt::format("{}: {} has no address: {}; correct it (epics.addr_list, epics.name_servers), or mend "
                     "DNS or /etc/hosts",
                     address.setting, address.text, address.error)});
  }
  if (good > 0)
    found.push_back(
        {Level::ok, fmt::format("EPICS addresses: {} of {} are addresses", good, facts.addresses.size())});
  if (!facts.addresses.empty()) return;
  if (facts.auto_addr_list)
    found.push_back(
        {Level::ok, "EPICS addresses: those of this machine's networks (EPICS_CA_AUTO_ADDR_LIST is YES)"});
  else
    found.push_back(
        {Level::mistaken,
         "EPICS addresses: there are none, and EPICS_CA_AUTO_ADDR_LIST is NO, so that no channel is "
         "searched for; set epics.addr_list or epics.name_servers"});
}

Finding of_repeater(const MachineFacts& facts) {
  const std::string what = fmt::format("caRepeater (UDP port {})", facts.repeater_port);
  if (facts.repeater_runs) return {Level::ok, what + ": runs"};
  return {
      Level::warning,
      what + ": none runs here now; a service starts one, and without any the beacons of IOCs are not heard"};
}

void of_clocks(const MachineFacts& facts, std::vector<Finding>& found) {
  constexpr double kMuchS = 1;
  if (facts.clock_is_synchronised && facts.clock_error_s > kMuchS)
    found.push_back(
        {Level::warning,
         fmt::format("clock: this machine's may be wrong by {:.1f} s, its time servers were heard long ago "
                     "or are far; see what chronyc tracking, ntpq -p or timedatectl timesync-status says",
                     facts.clock_error_s)});
  else if (facts.clock_is_synchronised)
    found.push_back({Level::ok, fmt::format("clock: the kernel takes this machine's for synchronised, wrong "
                                            "by {:.3f} s at most",
                                            facts.clock_error_s)});
  else
    found.push_back(
        {Level::warning,
         "clock: the kernel does not take this machine's for synchronised; see that chronyd, ntpd or "
         "systemd-timesyncd runs (timedatectl), unless the host does it for a container"});
  if (!facts.worst_clock) return;
  const HostClock& worst = *facts.worst_clock;
  if (std::abs(worst.skew_s) <= static_cast<double>(facts.max_clock_skew_s))
    found.push_back({Level::ok, fmt::format("clocks of the IOCs: all within {} s of this machine's",
                                            facts.max_clock_skew_s)});
  else
    found.push_back(
        {Level::warning,
         fmt::format("clocks of the IOCs: that of {} is {} {} this machine's; set its clock (NTP), or have "
                     "output.timestamp = \"arrival\"; epics2kafkactl hosts shows all",
                     worst.host, duration_text(std::abs(worst.skew_s)),
                     worst.skew_s > 0 ? "behind" : "ahead of")});
}

}  // namespace

std::vector<Finding> machine_findings(const MachineFacts& facts) {
  std::vector<Finding> found;
  for (const DirectoryFacts& directory : facts.directories)
    found.push_back(of_directory(directory, facts.user));
  for (const LimitFacts& limit : facts.limits) found.push_back(of_limit(limit));
  if (facts.available_memory_bytes != 0) {
    const std::string memory = "memory: " + bytes_text(facts.available_memory_bytes) + " available";
    if (facts.available_memory_bytes < kLittleMemory)
      found.push_back({Level::warning, memory + "; free some, or run fewer workers (workers.count)"});
    else
      found.push_back({Level::ok, memory});
  }
  of_addresses(facts, found);
  found.push_back(of_repeater(facts));
  of_clocks(facts, found);
  return found;
}

}  // namespace e2k::supervisor::check
