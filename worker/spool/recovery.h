// Shell. After a worker's death: its books made true again.
//
// A settlement that was begun is completed; the one record that may be committed but not counted is counted;
// the header's sums are made from the lines. Only the end of its log is looked at, however much of it there
// is. May be repeated, and may die in the middle. The dead process must be gone; nobody else writes to
// either.
//
// Where logs that the books know of are missing, Header::unreconciled says so: what waits has to be found out
// by reading what is there (reconcile).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "worker/spool/ledger.h"
#include "worker/spool/log.h"
#include "worker/spool/slot_folders.h"

namespace e2k::spool {

struct Recovered {
  bool settlement_completed = false;
  bool counted = false;  // a record that had not been
};
// The books of the slot whose folders those are. An error only where the spool can't be read.
Result<Recovered> recover(const std::string& spool, const SlotFolders& folders, ledger::Ledger& books);

}  // namespace e2k::spool
