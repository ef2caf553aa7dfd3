// The part of the Service that sees to what waits in slots that have failed.
#include <algorithm>

#include "common/log.h"
#include "common/process_use.h"
#include "supervisor/fleet/loan.h"
#include "supervisor/fleet/resize.h"
#include "supervisor/service.h"

namespace e2k::supervisor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

bool holds_any(const ledger::Header& header) {
  const uint32_t used = header.holds_used.load(kRelaxed);
  return std::any_of(header.holds, header.holds + used, [](const ledger::Hold& row) {
    return row.state.load(kRelaxed) != ledger::HoldState::none;
  });
}

// A slot that time may mend is tried again every minute (slot_machine.h), lent or not.
constexpr int64_t kTryAgainNs = SlotSettings{}.try_again_ms * kNsPerMs;

bool is_start_wanted(const SlotState& state, MonotonicNs now) {
  return state.restart_wanted || (state.tries_again && now.value - state.phase_since.value >= kTryAgainNs);
}

}  // namespace

// Books that are being found out from the logs do not know.
bool Service::may_wait(const ledger::LedgerReader& books, Slot slot) const {
  const ledger::Header& header = books.header();
  return ledger::waiting_of(header) != 0 ||
         (header.unreconciled.load(kRelaxed) != 0 && books_.has_logs(slot));
}

bool Service::is_drainer(Slot slot) const {
  return std::ranges::any_of(books_.loans(), [slot](const auto& loan) { return loan.second == slot; });
}

// Before entries leave a slot that has failed: where its logs are lent their new workers wait.
void Service::begin_loans() {
  if (stopping_ || !replay_.serving() || fleet_->is_adopting()) return;
  std::vector<Slot> failed;
  bool others_run = false;
  for (const auto& view : fleet_->slots()) {
    const SlotPhase phase = view.state->phase;
    if (phase == SlotPhase::running) lent_in_vain_.erase(view.slot);
    others_run |= phase == SlotPhase::running && !is_drainer(view.slot);
    if (phase == SlotPhase::failed && !books_.loans().contains(view.slot)) failed.push_back(view.slot);
  }
  for (const Slot slot : failed) {
    const ledger::LedgerReader* const books = ledgers_->books(slot);
    // A drainer that can't be launched is told of at once, and others have been lent then.
    if (books == nullptr || is_drainer(slot) || books_.loans().contains(slot)) continue;
    LendingFacts facts;
    facts.waits = may_wait(*books, slot);
    facts.holds = holds_any(books->header());
    facts.in_vain = lent_in_vain_.contains(slot);
    facts.others_run = others_run;
    if (is_to_be_lent(facts)) lend(slot, ledger::waiting_of(books->header()));
  }
}

void Service::lend(Slot slot, uint64_t events) {
  const auto drainer = lowest_free([this](Slot one) { return !fleet_->has(one) && books_.is_free(one); });
  if (!drainer) return;
  log::info("slot.lent slot={} drainer={} events={} message=\"it has failed; what waits there is published\"",
            slot.value, drainer->value, events);
  books_.lend(slot, *drainer);
  fleet_->lend(slot, *drainer);
  leaving_[*drainer] = Leaver{monotonic_now()};
  spares_.insert(*drainer);
  fleet_->set_spares(spares_);
  enter(*drainer);
  judge_closed();
  judge_slots();
}

void Service::end_loans() {
  if (fleet_->is_adopting()) return;  // who is told to leave has to be heard first
  for (const auto& [slot, drainer] : books_.loans()) {
    const auto leaver = leaving_.find(drainer);
    if (leaver == leaving_.end() || leaver->second.told) continue;
    LoanFacts facts;
    facts.failed = fleet_->has(slot) && fleet_->slot(slot).state->phase == SlotPhase::failed;
    facts.start_wanted = facts.failed && is_start_wanted(*fleet_->slot(slot).state, monotonic_now());
    const SlotState* const state = fleet_->has(drainer) ? fleet_->slot(drainer).state : nullptr;
    facts.drainer_failed = state == nullptr || state->phase == SlotPhase::failed;
    facts.drainer_runs = state != nullptr && state->phase == SlotPhase::running;
    const ledger::LedgerReader* const books = ledgers_->books(slot);
    facts.drainer_keeps = facts.drainer_runs && books != nullptr && books->header().pid == state->pid;
    // It lets them go when all is published.
    if (facts.drainer_runs && !facts.drainer_keeps) books_.refresh();
    // One that runs books as lost what somebody has removed.
    const bool any = books_.has_logs(slot) && books != nullptr && may_wait(*books, slot);
    facts.waits = any || !facts.drainer_runs;
    facts.deaths = state == nullptr ? 0 : state->own_failures;
    const Loan loan = judge_loan(facts);
    if (loan == Loan::goes_on) continue;
    if (loan == Loan::in_vain) {
      lent_in_vain_.insert(slot);
      log::warn(
          "slot.lent_in_vain slot={} drainer={} message=\"what waits there stays until its own worker is "
          "back, and comes out of order then\"",
          slot.value, drainer.value);
    }
    leaver->second.told = true;
    fleet_->retire(drainer);
  }
}

// What a supervisor before this one had lent, to a worker that was found beyond workers.count: whose logs
// they are the slot's books say. It is told to leave, and the slot's own worker begins then.
void Service::take_loans_along() {
  const auto slots = fleet_->slots();
  for (const auto& view : slots) {
    if (view.state->pid != 0 || view.books == nullptr) continue;
    const ledger::Header& header = view.books->header();
    const auto drainer = std::ranges::find_if(slots, [&](const auto& one) {
      return one.state->found && one.state->pid == header.pid && one.slot.value >= config_.workers.count;
    });
    // Its number may be that of a worker which died long ago.
    if (drainer == slots.end() || !is_running(header.pid, header.process_start_ticks)) continue;
    log::info("slot.lent slot={} drainer={} message=\"by the supervisor before this one\"", view.slot.value,
              drainer->slot.value);
    books_.lend(view.slot, drainer->slot);
    fleet_->lend(view.slot, drainer->slot);
    leaving_.try_emplace(drainer->slot, Leaver{monotonic_now()});
  }
  judge_closed();
}

// The drainer is gone.
void Service::give_back(Slot drainer) {
  for (const auto& [slot, one] : std::map(books_.loans())) {
    if (one != drainer) continue;
    books_.give_back(slot);
    fleet_->give_back(slot);
  }
}

}  // namespace e2k::supervisor
