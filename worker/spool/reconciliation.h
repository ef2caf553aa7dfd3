// Shell. Finds out from the logs what waits, where the books can't tell: what the books call waiting and no
// log holds was lost, what a log holds beyond that was received.
//
// Use: appended() and count() for every log of the slot, then carry_out(), with nothing settled in between.
// It reads all logs from their beginning. One thread, the publisher's.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "worker/spool/ledger.h"
#include "worker/spool/log.h"

namespace e2k::spool {

class Reconciliation {
public:
  struct Outcome {
    uint64_t lost = 0, found = 0;  // events
  };
  // Of one line; each is booked, but for what was found: it is told to `found`, since appends are counted by
  // who makes them.
  using Told = std::function<void(EntryIndex index, uint64_t events)>;

  // What each line has appended, by index.
  std::vector<uint64_t>& appended() { return appended_; }
  // Where nobody appends any more the books say it.
  void take_appended(const ledger::Ledger& books);
  // What waits in the log, as far as `end`.
  void count(Log& log, Position end = Position{UINT64_MAX});
  // As far as it was counted, by index.
  const std::vector<uint64_t>& waiting() const { return waiting_; }
  Outcome carry_out(ledger::Ledger& books, ledger::LossReason reason, int64_t real_ns, const Told& lost,
                    const Told& found);

private:
  std::vector<uint64_t> appended_, waiting_;
};

}  // namespace e2k::spool
