// Pure. When a question is asked again.
//
// The policy is used twice. For a registry as a whole: while it does not answer, all questions wait, first
// 250 ms and twice as long after each failure, up to 10 s; a quarter of each pause is left to chance, so that
// workers that lost their registry together do not come back together. For one subject: a refusal will mostly
// be the same the next time, so it is asked again every 30 s and never sooner. Credentials that are refused
// are everybody's: all questions wait these 30 s, since failed logins by the hundred lock an account. A
// question is due when both say so.
#pragma once

#include <chrono>
#include <cstdint>

#include "common/clock.h"

namespace e2k::worker {

struct RetryPauses {
  std::chrono::milliseconds first{250};
  std::chrono::milliseconds longest{10'000};
  std::chrono::milliseconds rejected{30'000};
  std::chrono::milliseconds told_after{2'000};  // people are told of a question that is under way so long
};

struct RetryState {
  uint32_t failures = 0;  // in a row
  MonotonicNs due{0};     // not asked before
};

enum class RetryEvent : uint8_t {
  answered,    // the question was understood, whatever the answer
  rejected,    // answered with a no: of a subject's state, or of the registry's where it knows no such user
  unavailable  // nobody answered
};

// `chance`: any number, evenly distributed over all.
RetryState step(RetryState state, RetryEvent event, MonotonicNs now, uint32_t chance,
                const RetryPauses& pauses);

}  // namespace e2k::worker
