// The part of the Service that hands out what the book of shares decides, and follows what leaves a worker.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "common/log.h"
#include "common/process_use.h"
#include "supervisor/service.h"
#include "supervisor/status/at_work.h"
#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor {
namespace {

constexpr size_t kBurst = 1000;                         // entries at once
constexpr size_t kSlice = 1000, kLinesAtOnce = 20'000;  // of a turn: some milliseconds
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
  begin_loans();
  hosts_changed_ = false;
  evened_at_ = monotonic_now();
  Shares::Orders orders = shares_.reconcile(commands_, asking(), kSlice);
  const std::vector<EntryId> seen = std::move(orders.seen);
  apply_orders(std::move(orders));
  for (const EntryId id : seen) board_->changed(id);
  if (seen.size() >= kBurst) ticks_since_burst_ = 0;
  if (auto work = shares_.take_plan_work()) make_plan(std::move(*work));
  if (shares_.waits_for_plan()) return;
  if (shares_.is_behind()) return go_on_reconciling();
  drop_unclaimed();
}

// By another thread: that of a million channels takes a second.
void Service::make_plan(PlanWork work) {
  ticks_since_burst_ = 0;
  boost::asio::post(planner_, [this, work = std::move(work)] {
    boost::asio::post(loop_, [this, moves = work.make()]() mutable {
      shares_.planned(std::move(moves));
      if (replay_.serving()) reconcile();
    });
  });
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
  if (replay_.live()) {
    if (!replay_.has_lost_records()) apply_orders(shares_.drop_unclaimed());
    fleet_->replace_outdated();
    go_on_rolling();
  }
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
  // Who was asked to start it before it was lent has been heard.
  std::erase_if(extras.estates, [this](const Estate& estate) {
    return fleet_->has(estate.slot) && !fleet_->slot(estate.slot).state->lent;
  });
  for (const Estate& estate : extras.estates) heirs_asked_[estate.slot] = monotonic_now();
  return extras;
}

void Service::on_welcomed(Slot slot, Generation generation) {
  // What is left, so that it is shown as it is. What its predecessor reported of it since the last round of
  // sweeping is not learnt any more: the successor's books are there already.
  note_lost(slot, SIZE_MAX);
  replacing_.erase(slot);
  rolling_.welcomed(slot);
  judge_rolled();
  judge_closed();
  books_.welcomed(slot, fleet_->slot(slot).ledger, shares_.lines());
  look_for_drainers();
  auto items = shares_.serve_anew(slot, commands_);
  new_worker_greeted(slot, items);
  log::info("worker.assigned worker={} generation={} entries={}", slot.value, generation.value,
            shares_.entries(slot));
  if (!items.empty()) fleet_->assign(slot, std::move(items));
  for (auto& [id, one] : under_way_)
    if (one.to.slot == slot) note_told(one);
  tell_more();
  judge_slots();
  resize_fleet();
  roll_on();
  tell_service_manager();
}

// What fresh workers serve, a slice of each at a time, as fast as they take it.
void Service::tell_more() {
  bool any_takes = false;
  for (const auto& view : fleet_->slots()) {
    if (!shares_.is_telling(view.slot)) continue;
    if (view.unapplied_items >= kMostUnapplied) continue;
    auto items = shares_.tell_more(view.slot, commands_, kSlice);
    if (!items.empty()) fleet_->assign(view.slot, std::move(items));
    any_takes = true;
  }
  if (!shares_.is_telling()) return tell_service_manager();
  ticks_since_burst_ = 0;
  tell_timer_.expires_after(any_takes ? std::chrono::milliseconds(0) : kUntilWorkersTake);
  tell_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tell_more();
  });
}

void Service::on_adopted(Slot slot, Generation generation) {
  const ledger::LedgerReader* const ledger = fleet_->slot(slot).ledger;
  books_.welcomed(slot, ledger, shares_.lines());
  look_for_drainers();
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
  shares_.take_over(slot, std::move(masks));
  judge_slots();
}

void Service::on_lost(const Obituary& worker) {
  begin_loans();  // before anybody is told that nobody waits for it
  shares_.forget_taken_over(worker.slot);
  shares_.stop_telling(worker.slot);
  look_for_drainers();
  if (const std::string what = at_work_text(worker, shares_.book(), commands_); !what.empty())
    log::warn("worker.at_work worker={} generation={} what={}", worker.slot.value, worker.generation.value,
              log::quoted(what));
  snapshot_due_ |= harvest_->of_leaving(worker.slot);
  crash_loops_.on_death(worker, at_work_text(worker, shares_.book(), commands_), monotonic_now());
  if (!descriptors_.on_death(worker.slot, monotonic_now())) look_for_the_guilty(worker);
  lost_[worker.slot] = 0;
  note_lost(worker.slot, stopping_ ? SIZE_MAX : kLinesAtOnce);
  go_on_noting_lost();
  judge_slots();
  if (!stopping_) look_at_handovers();
}

// What the lines of a worker that is gone say of its entries, which nobody serves now: of so many lines.
void Service::note_lost(Slot slot, size_t most) {
  const auto found = lost_.find(slot);
  if (found == lost_.end()) return;
  const bool more = shares_.book().some_of(slot, found->second, most, [this](EntryId id, EntryIndex) {
    snapshot_due_ |= harvest_->of_entry(id);
    board_->changed(id);
  });
  if (!more) lost_.erase(found);
}

void Service::go_on_noting_lost() {
  if (lost_.empty()) return;
  lost_timer_.expires_after(std::chrono::milliseconds(0));
  lost_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || lost_.empty()) return;
    note_lost(lost_.begin()->first, kLinesAtOnce);
    go_on_noting_lost();
  });
}

}  // namespace e2k::supervisor
