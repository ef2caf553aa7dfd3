// Pure. How many events a second come in, go out and are lost, over the last few seconds.
//
// Sums of the workers' ledgers go in, at a constant cost a slot. A sum that falls (a slot is gone) begins
// anew: a rate is never negative.
#pragma once

#include <cstdint>
#include <deque>

#include "proto/ledger_format.h"

namespace e2k::supervisor {

struct FlowSums {
  uint64_t received = 0, acknowledged = 0, lost = 0;
  void add(const ledger::Header& header);
};

struct FlowRates {
  double received_per_s = 0, acknowledged_per_s = 0, lost_per_s = 0;
};

class Flow {
public:
  static constexpr double kWindowS = 5;

  // `seconds` after the look before.
  void look(const FlowSums& sums, double seconds);
  FlowRates rates() const;

private:
  struct Look {
    FlowSums sums;
    double seconds;
  };
  std::deque<Look> looks_;  // oldest first
  double seconds_ = 0;      // from the first to the last
};

}  // namespace e2k::supervisor
