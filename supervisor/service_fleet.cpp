// The part of the Service that hands out what the book of shares decides, and follows what leaves a worker.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/process_use.h"
#include "supervisor/service.h"
#include "supervisor/status/at_work.h"
#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor {
namespace {

constexpr size_t kBurst = 1000;  // entries at once
constexpr size_t kSlice = 1000;  // entries of a turn: some milliseconds
constexpr uint64_t kMostUnapplied = 20'000;
constexpr std::chrono::milliseconds kUntilWorkersTake{20};
constexpr uint32_t kWornIndices = ledger::kMaxEntries / 4 * 3;
constexpr int64_t kReplaceIntervalNs = 300 * kNsPerSecond;
constexpr int64_t kRenewIntervalNs = 600 * kNsPerSecond, kEvenOutIntervalNs = 10 * kNsPerSecond;

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

void Service::reconcile() {
  // What found workers serve is not known before they have greeted; and half of what a topic says may end
  // what the other half commands.
  if (stopping_ || fleet_->is_adopting() || replay_.settling()) return;
  if (!shares_.is_behind() && !hosts_changed_ && !shares_.moves_put_off() && !shares_.wants_plan())
    return drop_unclaimed();
  hosts_changed_ = false;
  evened_at_ = monotonic_now();
  Shares::Orders orders = shares_.reconcile(commands_, asking(), kSlice);
  const std::vector<EntryId> seen = std::move(orders.seen);
  apply_orders(std::move(orders));
  for (const EntryId id : seen) board_->changed(id);
  if (seen.size() >= kBurst) ticks_since_burst_ = 0;
  if (shares_.is_behind()) return go_on_reconciling();
  drop_unclaimed();
}

// In a turn of its own; what is handed out faster than workers take it only fills memory.
void Service::go_on_reconciling() {
  reconcile_timer_.expires_after(are_workers_behind() ? kUntilWorkersTake : std::chrono::milliseconds(0));
  reconcile_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && replay_.serving()) reconcile();
  });
}

// All of those that take anything: one that hangs holds nobody up.
bool Service::are_workers_behind() const {
  bool any = false;
  for (const auto& view : fleet_->slots()) {
    if (view.state->phase != SlotPhase::running) continue;
    if (view.unapplied_items < kMostUnapplied) return false;
    any = true;
  }
  return any;
}

// What workers of an earlier supervisor serve and nobody commands any more: certain only once the topic was
// read to its end, and it has not lost records. Then they can be replaced, too.
void Service::drop_unclaimed() {
  if (replay_.live() && !replay_.has_lost_records()) apply_orders(shares_.drop_unclaimed());
  fleet_->replace_outdated();
  tell_service_manager();
}

Shares::Asking Service::asking() const {
  Shares::Asking ask;
  ask.waits = [this](const Place& place) { return ledgers_->waits(place); };
  ask.stuck = [this, now = real_now()](const Place& place) { return ledgers_->is_stuck(place, now); };
  ask.held = [this](const Place& place) { return ledgers_->is_held(place); };
  return ask;
}

// Moves that were put off because events waited are tried again.
void Service::even_out_later() {
  if (!replay_.live() || !shares_.moves_put_off()) return;
  if (monotonic_now().value - evened_at_.value >= kEvenOutIntervalNs) reconcile();
}

// An index keeps its meaning for as long as the slot's logs live, so that years of changes use them up. A
// worker that has few left, serves few entries and has nothing waiting is restarted, which begins again from
// 0.
void Service::renew_worn_workers() {
  const MonotonicNs now = monotonic_now();
  for (const auto& view : fleet_->slots()) {
    if (view.state->phase != SlotPhase::running || view.ledger == nullptr) continue;
    if (shares_.lines().given(view.slot) < kWornIndices || shares_.entries(view.slot) >= kWornIndices / 2)
      continue;
    const ledger::Header& header = view.ledger->header();
    if (header.older_logs.load(kRelaxed) != 0 || header.aside_logs.load(kRelaxed) != 0) continue;
    // Its log would outlive it, and with that the meaning of its indices.
    if (ledger::waiting_of(header) != 0) continue;
    const auto before = renewed_at_.find(view.slot);
    if (before != renewed_at_.end() && now.value - before->second.value < kRenewIntervalNs) continue;
    renewed_at_[view.slot] = now;
    log::info("worker.renewed worker={} reason=\"its entry numbers run out\"", view.slot.value);
    books_.wear_out(view.slot);
    (void)replace(view.slot);
  }
}

// Before the kernel does it. One that is as large again at once needs more memory: restarting it on and on
// would serve nobody.
void Service::replace_large_workers() {
  const int64_t limit = config_.workers.max_rss_bytes;
  if (limit <= 0) return;
  const MonotonicNs now = monotonic_now();
  for (const auto& view : fleet_->slots()) {
    if (view.state->phase != SlotPhase::running) continue;
    const auto before = replaced_at_.find(view.slot);
    if (before != replaced_at_.end() && now.value - before->second.value < kReplaceIntervalNs) continue;
    const auto use = process_use(view.state->pid);
    if (!use || use->rss_bytes <= static_cast<uint64_t>(limit)) continue;
    replaced_at_[view.slot] = now;
    const std::string why = fmt::format("it held {} of memory, more than workers.max_rss_bytes ({})",
                                        bytes_text(use->rss_bytes), bytes_text(static_cast<uint64_t>(limit)));
    log::warn("worker.replaced worker={} reason={}", view.slot.value, log::quoted(why));
    (void)replace(view.slot, why);
    return;  // one after the other
  }
}

Fleet::LaunchExtras Service::on_launching(Slot slot) {
  Fleet::LaunchExtras extras = books_.launching(slot, shares_.lines());
  if (extras.fresh_books) shares_.book().emptied(slot);  // none of its logs is left
  return extras;
}

void Service::on_welcomed(Slot slot, Generation generation) {
  replacing_.erase(slot);
  rolling_.welcomed(slot);
  judge_closed();
  books_.welcomed(slot, fleet_->slot(slot).ledger, shares_.lines());
  auto items = shares_.serve_anew(slot, commands_);
  new_worker_greeted(slot, items);
  log::info("worker.assigned worker={} generation={} entries={}", slot.value, generation.value, items.size());
  if (items.size() >= kBurst) ticks_since_burst_ = 0;
  if (!items.empty()) fleet_->assign(slot, std::move(items));
  for (auto& [id, one] : under_way_)
    if (one.to.slot == slot) note_told(one);
  judge_slots();
  resize_fleet();
  roll_on();
  tell_service_manager();
}

void Service::on_adopted(Slot slot, Generation generation) {
  const ledger::LedgerReader* const ledger = fleet_->slot(slot).ledger;
  books_.welcomed(slot, ledger, shares_.lines());
  std::vector<uint8_t> masks(ledger == nullptr ? 0 : ledger->entries_used());
  size_t serves = 0;
  for (uint32_t i = 0; i < masks.size(); ++i) {
    if (const ledger::Entry* const line = ledger->entry(EntryIndex{i})) {
      masks[i] = line->ca.assigned_mask.load(kRelaxed);
      if (masks[i] != 0 && line->publisher.held.load(kRelaxed) != 0) masks[i] |= Shares::kHeldBit;
    }
    serves += masks[i] != 0 ? 1 : 0;
  }
  log::info("worker.takes_along worker={} generation={} entries={}", slot.value, generation.value, serves);
  apply_orders(shares_.take_over(slot, std::move(masks), commands_));
  judge_slots();
}

void Service::on_lost(const Obituary& worker) {
  shares_.forget_taken_over(worker.slot);
  if (const std::string what = at_work_text(worker, shares_.book(), commands_); !what.empty())
    log::warn("worker.at_work worker={} generation={} what={}", worker.slot.value, worker.generation.value,
              log::quoted(what));
  snapshot_due_ |= harvest_->of_slot(worker.slot);
  crash_loops_.on_death(worker, at_work_text(worker, shares_.book(), commands_), monotonic_now());
  if (!descriptors_.on_death(worker.slot, monotonic_now())) look_for_the_guilty(worker);
  board_->lost(worker.slot);
  judge_slots();
  if (!stopping_) look_at_handovers();
}

}  // namespace e2k::supervisor
