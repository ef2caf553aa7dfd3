#include "supervisor/ledgers.h"

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

}  // namespace e2k::supervisor
