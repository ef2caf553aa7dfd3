// Shell. After a worker's death: its books made true again from its log.
//
// A settlement that was begun is completed; the one record that may be committed but not counted is counted;
// the header's sums are made from the lines. May be repeated, and may die in the middle. The dead process
// must be gone; nobody else writes to either. Bytes that do not hold together end the log there and are told
// in the result; what lies before them is kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "worker/spool/ledger.h"
#include "worker/spool/segment.h"

namespace e2k::spool {

// A dead generation's log, read from its folder, from its cursor on.
class FoundLog {
public:
  static Result<FoundLog> open(const std::string& directory);

  Position cursor() const { return cursor_; }
  Segment* find(uint64_t number) const;
  // Calls `visit(record, segment)` for every record from the cursor to the end. false: it ended in bytes that
  // are no record.
  template <class Visit>
  bool for_each(Visit&& visit) const;

private:
  Position cursor_;
  std::vector<std::unique_ptr<Segment>> segments_;  // numbers without a gap, from the cursor's
};

struct Recovered {
  bool settlement_completed = false;
  uint64_t counted = 0;  // records that had not been counted
  uint64_t waiting = 0;  // events that are committed and not settled
  bool damaged = false;
};

Result<Recovered> recover(const std::string& directory, ledger::Ledger& books);

template <class Visit>
bool FoundLog::for_each(Visit&& visit) const {
  uint64_t unit = cursor_.unit();
  for (const auto& segment : segments_) {
    RecordView record;
    ReadOutcome outcome;
    while ((outcome = read_record(segment->view(), unit, record)) == ReadOutcome::record) {
      visit(record, *segment);
      unit += record.units;
    }
    if (outcome == ReadOutcome::damaged) return false;
    if (outcome == ReadOutcome::nothing_yet) return true;
    unit = 0;
  }
  return true;
}

}  // namespace e2k::spool
