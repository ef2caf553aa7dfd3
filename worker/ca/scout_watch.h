// Shell. Finds out that a scout got no circuit, which libca does not tell: its server was named to libca
// kPatienceNs ago (kSettledNs, where libca has complained of a connection since), and it has no circuit. On
// the *ca* thread.
#pragma once

#include <map>
#include <string>

#include "common/clock.h"
#include "worker/ca/connect_failures.h"
#include "worker/ca/delivery.h"

namespace e2k::worker::ca {

class ScoutWatch {
public:
  static constexpr int64_t kPatienceNs = 3 * kNsPerSecond, kSettledNs = 100 * kNsPerMs;

  explicit ScoutWatch(const ConnectFailures& failures) : failures_(failures) {}

  // libca was told where the scout's server is.
  void introduced(const Channel& scout, MonotonicNs now) {
    introduced_[scout.number] = {now, failures_.count()};
  }
  // It is connected, or no scout any more.
  void forget(const Channel& channel) { introduced_.erase(channel.number); }

  // Calls CA.
  bool has_failed(const Channel& scout, MonotonicNs now) const {
    const auto told = introduced_.find(scout.number);
    if (told == introduced_.end() || has_circuit(scout.id)) return false;
    return now.value - told->second.at.value >= (complained(scout) ? kSettledNs : kPatienceNs);
  }
  // libca did since the scout was introduced.
  bool complained(const Channel& scout) const {
    const auto told = introduced_.find(scout.number);
    return told != introduced_.end() && failures_.count() != told->second.failures;
  }
  std::string complaint() const { return failures_.reason(); }

private:
  struct Introduced {
    MonotonicNs at;
    uint64_t failures;  // of libca until then
  };
  const ConnectFailures& failures_;
  std::map<uint32_t, Introduced> introduced_;  // by channel
};

}  // namespace e2k::worker::ca
