// Pure. A slot as it is shown, from its mapped ledger. Sums go on over generations: what a dead worker left
// in its spool counts as waiting.
#pragma once

#include "common/clock.h"
#include "proto/ledger_reader.h"
#include "supervisor/control/model.h"
#include "supervisor/fleet/slot_machine.h"
#include "supervisor/status/line_sums.h"

namespace e2k::supervisor {

// `lines`: the sums over its lines.
EventCounts counts_of_slot(const ledger::LedgerReader& reader, const LineSums& lines);

const char* shown_phase(SlotPhase phase);
// What the ledger says of the slot. `is_alive`: its worker is, else the sums alone stand.
void add_ledger(WorkerView& view, const ledger::LedgerReader& books, const LineSums& lines, bool is_alive);
// Adds the slot's part of the sums of all.
void add_books_of_slot(StatusView& view, const ledger::LedgerReader& books, const LineSums& lines,
                       RealNs now);

}  // namespace e2k::supervisor
