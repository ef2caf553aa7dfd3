// Pure. What of the IOCs an operator must act on, from what the workers' ledgers say of them: a message for
// each kind, "" where nothing is amiss. Thousands of the same fault are one message with a number and
// examples.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

// A channel for which two servers answer.
struct DuplicateExample {
  std::string channel, host, also_host;
};

// It is gone for one worker, and serves another.
inline bool is_up_elsewhere(const HostView& host) {
  return host.state == ledger::HostState::gone && host.channels > 0;
}

struct IocProblems {
  std::string refuses;     // IOC_REFUSES
  std::string hung;        // IOC_HUNG
  std::string clock;       // IOC_CLOCK
  std::string duplicated;  // CHANNEL_DUPLICATED
};

// `duplicated`: entries that a second server answers for; some of them stand in `examples`, where they are
// known already.
IocProblems judge_iocs(const std::vector<HostView>& hosts, uint64_t duplicated,
                       const std::vector<DuplicateExample>& examples, double max_clock_skew_s, RealNs now);

}  // namespace e2k::supervisor
