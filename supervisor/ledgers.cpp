#include "supervisor/ledgers.h"

#include "supervisor/fleet/slot_life.h"

namespace e2k::supervisor {
namespace {

// A worker whose oldest event has waited for so long does not get rid of its events at present.
constexpr int64_t kStuckNs = 5 * kNsPerSecond;
constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

const ledger::LedgerReader* Ledgers::books(Slot slot) const {
  return slot.value < config_.workers.count ? fleet_.slot(slot).books : gone_.ledger_of_gone(slot);
}

const ledger::Entry* Ledgers::line(const Place& place) const {
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

bool Ledgers::is_stuck(const Place& place, RealNs now) const {
  const ledger::Entry* line = books_line(place);
  if (line == nullptr || ledger::counts_of(*line).waiting == 0) return false;
  const int64_t oldest = books(place.slot)->header().oldest_waiting_arrival_real_ns.load(kRelaxed);
  return line->publisher.blocked.load(kRelaxed) != ledger::Blocked::no ||
         (oldest != 0 && now.value - oldest > kStuckNs);
}

bool Ledgers::has_left(const Book::Leaving& leaving, std::optional<Slot> owner) const {
  const Place& from = leaving.from;
  // Who drains a gone slot keeps the order by itself, for the entries that it serves.
  const auto gone = gone_.gone().find(from.slot);
  if (gone != gone_.gone().end() && owner == gone->second.heir) return true;
  if (from.slot.value < config_.workers.count) {
    const Fleet::SlotView worker = fleet_.slot(from.slot);
    // A dead worker's last event may not be counted yet; its successor counts it.
    if (!is_alive(*worker.state) || worker.ledger == nullptr) return false;
    // What is assigned later holds nobody up.
    const bool same =
        worker.state->generation == leaving.generation && worker.assigned_items >= leaving.assigned;
    if (same && worker.assigned_items - worker.unapplied_items < leaving.assigned) return false;
  }
  return !waits(from);
}

}  // namespace e2k::supervisor
