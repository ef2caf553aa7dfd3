// Shell. What of slots outlives their workers, as the supervisor sees it: the books of names, the ledgers of
// slots that no worker serves any more, and who drains the logs of those.
//
// A slot that is none of the fleet's, and whose logs or ledger are still there, is *gone*. One worker, its
// heir, gets it as an estate at every launch, unless somebody has it. Who has it stands in its ledger,
// whoever supervised when it was given: that worker is its heir until it lets go, or dies. The ledger of a
// gone slot counts in all sums for as long as it is there, also when it is drained. The logs of a slot of the
// fleet that has failed can be lent: its drainer, a worker that is there for that, gets them as an estate.
// The slots 0 to workers.count - 1 are the fleet's at first; they enter and leave it by enter() and leave().
//
// One thread. Nothing here waits; folders are listed at launches, and while there are gone slots.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/result.h"
#include "proto/ledger_reader.h"
#include "supervisor/fleet/fleet.h"
#include "supervisor/plan/lines.h"
#include "supervisor/spool_directory.h"

namespace e2k::supervisor {

struct GoneSlot {
  Slot slot;
  Slot heir;                                    // the worker that drains it
  bool logs = false;                            // some of its are still there
  bool is_kept = false;                         // a living process has its logs, by its ledger's header, and
  std::optional<Slot> drainer = std::nullopt;   // it is that worker: its heir then
  std::optional<ledger::LedgerReader> ledger;   // none: it is lost, and its heir has not made it anew yet
  std::pair<uint64_t, uint64_t> file = {0, 0};  // device and inode of the ledger
};

class SlotBooks {
public:
  // Both outlive it.
  SlotBooks(const Config& config, const SpoolDirectory& spool);

  // The slot is one of the fleet's from now on; is_free() held for it. What its book says is in `lines` then.
  void enter(Slot slot, Lines& lines);
  // It is none of the fleet's any more, and no process of it lives.
  void leave(Slot slot);
  // Whether a worker may be given that slot: nobody else has its logs.
  bool is_free(Slot slot) const;

  // Before anything is assigned or launched: reads all books of names into `lines` and finds the gone slots.
  // An Error names a book that can't be used, and the remedy.
  Result<SpoolSurvey> open(Lines& lines);

  // What a worker of the slot is launched with. Where none of its logs is left and its indices are worn out,
  // or its book is lost, its books begin anew: then its names are removed here, and from `lines`.
  Fleet::LaunchExtras launching(Slot slot, Lines& lines);
  // The slot's worker greeted, hence no other of it lives. The first time its book is read again, where it
  // has grown: a worker of an earlier supervisor named something since. `own`: the worker's ledger.
  void welcomed(Slot slot, const ledger::LedgerReader* own, Lines& lines);
  // The slot's next launch begins its books anew, if it can.
  void wear_out(Slot slot) { worn_.insert(slot); }

  // Once a second: follows the folders of gone and lent slots, and the ledgers of the former.
  void refresh();
  // At once where a worker came or went, too: who has the gone slots' logs. `pids`: of the workers.
  void look_for_drainers(const std::map<Slot, int32_t>& pids);
  // Its heir does not take it: another one is to.
  void name_heir(Slot gone, Slot heir) { gone_.at(gone).heir = heir; }
  const std::map<Slot, GoneSlot>& gone() const { return gone_; }
  const ledger::LedgerReader* ledger_of_gone(Slot slot) const;
  // By slots that have failed: who drains them. The drainer is launched after that.
  void lend(Slot failed, Slot drainer);
  void give_back(Slot failed) { loans_.erase(failed); }
  const std::map<Slot, Slot>& loans() const { return loans_; }
  // Whether logs of the slot were there when last looked for.
  bool has_logs(Slot slot) const;

private:
  Result<void> read_names(Slot slot, Lines& lines);
  void put_back_names() const;
  size_t names_in(const SpoolSurvey& survey) const;
  void find_gone(const SpoolSurvey& survey);
  void follow(GoneSlot& gone) const;
  static bool is_kept(const GoneSlot& gone);
  bool is_served(Slot slot) const { return served_.contains(slot); }
  Slot next_heir();
  void take_for_gone(Slot slot);

  const Config& config_;
  const SpoolDirectory& spool_;
  std::set<Slot> served_;
  uint16_t heirs_named_ = 0;
  std::map<Slot, GoneSlot> gone_;
  std::map<Slot, Slot> loans_;
  std::map<Slot, SlotSpool> seen_;      // by the last survey
  std::map<Slot, uint64_t> names_end_;  // what of the books was read
  std::set<Slot> reread_, worn_;
};

}  // namespace e2k::supervisor
