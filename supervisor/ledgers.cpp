#include "supervisor/ledgers.h"

#include "supervisor/fleet/slot_life.h"

namespace e2k::supervisor {
namespace {

// A worker whose oldest event has waited for so long does not get rid of its events at present.
constexpr int64_t kStuckNs = 5 * kNsPerSecond;
constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

const ledger::LedgerReader* Ledgers::books(Slot slot) const {
  return fleet_.has(slot) ? fleet_.slot(slot).books : gone_.ledger_of_gone(slot);
}

const ledger::Entry* Ledgers::line(const Place& place) const {
  if (!fleet_.has(place.slot)) return nullptr;
  const ledger::LedgerReader* reader = fleet_.slot(place.slot).ledger;
  return reader == nullptr ? nullptr : reader->entry(place.index);
}

const ledger::Entry* Ledgers::books_line(const Place& place) const {
  const ledger::LedgerReader* reader = books(place.slot);
  return reader == nullptr ? nullptr : reader->entry(place.index);
}

bool Ledgers::waits(const Place& place) const {
  const ledger::LedgerReader* reader = books(place.slot);
  if (reader == nullptr || reader->header().unreconciled.load(kRelaxed) != 0)
    return gone_.has_logs(place.slot);
  const ledger::Entry* line = reader->entry(place.index);
  return line != nullptr && ledger::counts_of(*line).waiting != 0;
}

bool Ledgers::is_blocked(const Place& place) const {
  const ledger::Entry* line = books_line(place);
  return line != nullptr && ledger::counts_of(*line).waiting != 0 &&
         line->publisher.blocked.load(kRelaxed) != ledger::Blocked::no;
}

bool Ledgers::is_stuck(const Place& place, RealNs now) const {
  const ledger::Entry* line = books_line(place);
  if (line == nullptr || ledger::counts_of(*line).waiting == 0) return false;
  const int64_t oldest = books(place.slot)->header().oldest_waiting_arrival_real_ns.load(kRelaxed);
  return is_blocked(place) || (oldest != 0 && now.value - oldest > kStuckNs);
}

bool Ledgers::is_held(const Place& place) const {
  const ledger::Entry* line = books_line(place);
  return line != nullptr && line->publisher.held.load(kRelaxed) != 0;
}

Left Ledgers::judge(Book::Leaving& leaving, std::optional<Slot> owner, MonotonicNs now) const {
  const Place& from = leaving.from;
  LeavingFacts facts;
  if (fleet_.has(from.slot)) {
    const Fleet::SlotView worker = fleet_.slot(from.slot);
    const auto loan = gone_.loans().find(from.slot);
    const bool is_lent = loan != gone_.loans().end();
    facts.failed = worker.state->phase == SlotPhase::failed && !is_lent;
    // A dead worker's last event may not be counted yet; its successor counts it, or who drains its logs.
    const Fleet::SlotView reader = is_lent && fleet_.has(loan->second) ? fleet_.slot(loan->second) : worker;
    facts.lives = is_alive(*reader.state) && reader.ledger != nullptr;
    // What is assigned later holds nobody up.
    const bool same =
        worker.state->generation == leaving.generation && worker.assigned_items >= leaving.assigned;
    facts.applied = !same || worker.assigned_items - worker.unapplied_items >= leaving.assigned;
  } else if (const auto gone = gone_.gone().find(from.slot); gone != gone_.gone().end()) {
    // Who drains a gone slot keeps the order by itself, for the entries that it serves.
    if (gone->second.drainer && owner == gone->second.drainer) return Left::yes;
    facts.lives = gone->second.is_kept;
  }
  facts.waits = waits(from);
  if (!facts.lives && !facts.failed && !fleet_.has(from.slot) && !facts.waits) return Left::yes;
  return judge_leaving(facts, leaving.dead_since, now);
}

}  // namespace e2k::supervisor
