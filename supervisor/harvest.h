// Shell. What workers' ledgers say of entries, brought to those who keep it: to the command state what was
// reported of a command, so that it outlives the worker and no restart repeats an error record; to the judge
// of spools what lines tell of topics and losses.
//
// A worker that has not applied all it was given may still show what an earlier command of an entry led to:
// it is not asked. Of an entry that is between two workers the old one's line is the last word, for the
// command that it served. One thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "common/config/config.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/fleet/fleet.h"
#include "supervisor/left_lines.h"
#include "supervisor/plan/shares.h"
#include "supervisor/slot_books.h"
#include "supervisor/status/spool_problems.h"

namespace e2k::supervisor {

class Harvest {
public:
  // All outlive it.
  Harvest(const Config& config, CommandState& commands, const Shares& shares, const Fleet& fleet,
          const SlotBooks& books)
      : config_(config), commands_(commands), shares_(shares), fleet_(fleet), books_(books) {}

  // A round goes through all entries, a slice at a time. `gathers`: what their lines tell is put together,
  // and is there at its end.
  void begin_round(bool gathers);
  bool is_within_round() const { return within_round_; }
  struct Slice {
    bool news = false;  // some of it is news to the command state
    bool ended = false;
    std::optional<LineNews> lines;
  };
  // An entry, and where it is served. `line` and its `reader`: null where no worker that lives has one yet.
  struct Seen {
    const EntryRef& entry;
    std::optional<Place> place;
    const ledger::LedgerReader* reader;
    const ledger::Entry* line;
  };
  // `ids` EntryIds from where the slice before ended; `visit` is called for each entry.
  Slice next(uint32_t ids, RealNs now, const std::function<void(const Seen&)>& visit);

  // Of an entry where it is served; true: some of it is news.
  bool of_entry(EntryId id);
  // Of one that left a place; of all that left the slot.
  bool of(const Book::Leaving& leaving);
  bool of_leaving(Slot slot);

private:
  // What is asked of a slot once an entry.
  struct Worker {
    const ledger::LedgerReader* alive = nullptr;  // its ledger, while it lives
    const ledger::LedgerReader* told = nullptr;   // its ledger, once it has applied all that it was given
  };
  std::vector<Worker> workers() const;  // by slot
  const ledger::LedgerReader* once_applied(const Fleet::SlotView& view) const;
  const ledger::LedgerReader* told_by(Slot slot) const;
  bool learn(const EntryRef& entry, const ledger::Entry& line);
  using Served = std::map<Slot, std::vector<bool>>;  // by index
  void look_at(const EntryRef& entry, const ledger::Entry& line, LineNews& news, RealNs now) const;
  void look_at_left_lines(LineNews& news, const Served& served);

  const Config& config_;
  CommandState& commands_;
  const Shares& shares_;
  const Fleet& fleet_;
  const SlotBooks& books_;
  LeftLines left_lines_;
  bool within_round_ = false, gathers_ = false;
  uint32_t next_ = 0;  // EntryId
  LineNews lines_;
  Served served_;
};

}  // namespace e2k::supervisor
