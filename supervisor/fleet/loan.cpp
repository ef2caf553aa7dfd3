#include "supervisor/fleet/loan.h"

namespace e2k::supervisor {

bool is_to_be_lent(const LendingFacts& facts) {
  return facts.failed && facts.waits && !facts.holds && !facts.in_vain && facts.others_run;
}

Loan judge_loan(const LoanFacts& facts) {
  if (!facts.failed || facts.start_wanted || !facts.waits) return Loan::over;
  if (facts.drainer_failed || facts.deaths >= kMostDeaths) return Loan::in_vain;
  return facts.drainer_runs && !facts.drainer_keeps ? Loan::in_vain : Loan::goes_on;
}

}  // namespace e2k::supervisor
