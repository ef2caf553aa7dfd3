// The part of the Service that brings entries from one worker to another: tells the workers what the
// handovers and the book of shares decide, by what the mapped ledgers say.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "common/log.h"
#include "supervisor/fleet/slot_life.h"
#include "supervisor/plan/add_item.h"
#include "supervisor/service.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds kPoll{20};
// Entries under way at once: each is a new channel for an IOC and a few hundred bytes here, and is done in
// about half a second. 10,000 go over in some five seconds so, and no IOC, no search and no turn of this loop
// meets more of them than a start does in a tenth of that time.
constexpr size_t kMostUnderWay = 1000;

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

// By what the lines of those that move say now: the harvest's rounds take a while, and what was told since
// the last one would be told again.
void Service::renew_facts(Shares::Orders& orders) {
  std::map<std::pair<Slot, uint32_t>, EntryId> moving;
  for (const auto& departure : orders.departures) {
    const auto to = departure.serves ? shares_.book().preparing(departure.id) : std::nullopt;
    if (!to) continue;
    moving.emplace(std::pair(to->slot, to->index.value), departure.id);
    snapshot_due_ |= harvest_->of_entry(departure.id);
  }
  if (moving.empty()) return;
  for (auto& [slot, items] : orders.items)
    for (AssignItem& item : items) {
      auto* const add = std::get_if<AddEntry>(&item);
      const auto found = add == nullptr ? moving.end() : moving.find(std::pair(slot, add->index.value));
      if (found == moving.end()) continue;
      if (const auto entry = commands_.find(found->second)) set_facts(*add, *entry);
    }
}

void Service::apply_orders(Shares::Orders orders) {
  renew_facts(orders);
  std::vector<std::pair<EntryId, UnderWay>> begun;
  const MonotonicNs now = monotonic_now();
  for (const auto& departure : orders.departures) {
    const auto entry = commands_.find(departure.id);
    const auto to = departure.serves ? shares_.book().preparing(departure.id) : shares_.place(departure.id);
    if (!to) continue;  // given to nobody until it has left
    const auto begins = departure.serves ? HandoverState::preparing : HandoverState::releasing;
    UnderWay one{Handover(begins, now), departure.from, *to};
    // Before it is told anything.
    if (const ledger::Entry* line = ledgers_->books_line(*to))
      one.received_before = line->ca.appended.load(kRelaxed);
    one.renewed = departure.renewed;
    if (entry && !departure.renewed) one.command_offset = entry->offset;
    begun.emplace_back(departure.id, std::move(one));
  }
  for (auto& [slot, items] : orders.items)
    if (fleet_->has(slot)) fleet_->assign(slot, std::move(items));
  for (auto& [id, one] : begun) {
    note_told(one);
    under_way_.insert_or_assign(id, std::move(one));
  }
  for (const auto& departure : orders.departures)
    if (!departure.serves) leave(departure.id, departure.from, -1);
  for (const EntryId id : orders.put_off)
    if (const auto found = under_way_.find(id); found != under_way_.end()) found->second.changed = true;
  if (!under_way_.empty() || !shares_.book().leaving().empty() || shares_.has_moves()) look_at_handovers();
}

// From now on nothing comes of it there.
void Service::leave(EntryId id, const Place& from, int64_t command_offset) {
  Book::Leaving leaving{id, from, Generation{}};
  leaving.command_offset = command_offset;
  if (fleet_->has(from.slot)) {
    const Fleet::SlotView worker = fleet_->slot(from.slot);
    leaving.generation = worker.state->generation;
    leaving.assigned = worker.assigned_items;
  }
  shares_.book().leave(leaving);
}

void Service::look_at_handovers() {
  if (stopping_) return;
  if (shares_.has_moves() && shares_.book().under_way() < kMostUnderWay && replay_.serving()) {
    Shares::Orders orders = shares_.next_moves(commands_, asking(), kMostUnderWay);
    if (!orders.items.empty()) return apply_orders(std::move(orders));  // comes back here
  }
  step_preparing();
  settle_leaving();
  const bool any_over = finish_activated();
  const bool idle = under_way_.empty() && shares_.book().leaving().empty() && !shares_.has_moves();
  // What had to wait for them; in a turn of its own, for it comes back here.
  if (any_over && (idle || shares_.is_behind()) && replay_.serving()) go_on_reconciling();
  retire_emptied();
  restart_emptied();
  if (idle) return;
  handover_timer_.expires_after(kPoll);
  handover_timer_.async_wait([this](const error_code& error) {
    if (!error) look_at_handovers();
  });
}

PreparingFacts Service::preparing_facts(const UnderWay& one) const {
  PreparingFacts facts;
  facts.old_must_go = shares_.is_closed(one.from.slot);
  facts.old_lives = fleet_->has(one.from.slot) && is_alive(*fleet_->slot(one.from.slot).state);
  if (const ledger::Entry* old = ledgers_->books_line(one.from)) {
    facts.old_receives = old->ca.state.load(kRelaxed) == ledger::EntryState::connected &&
                         old->ca.step.load(kRelaxed) == ledger::Step::receiving;
    facts.old_stamp = old->ca.last_stamp.load(kRelaxed);
  } else {
    facts.old_receives = false;
  }
  facts.new_failed = !fleet_->has(one.to.slot) || shares_.is_closed(one.to.slot);
  if (facts.new_failed) return facts;
  facts.new_applied = has_applied(one);
  if (const ledger::Entry* line = ledgers_->books_line(one.to)) {
    facts.new_received = line->ca.appended.load(std::memory_order_acquire) > one.received_before;
    facts.new_stamp = line->ca.last_stamp.load(kRelaxed);
  }
  return facts;
}

std::optional<MoveView> Service::move_of(EntryId id) const {
  const auto found = under_way_.find(id);
  if (found == under_way_.end()) return std::nullopt;
  const UnderWay& one = found->second;
  return MoveView{one.from.slot, one.to.slot, one.handover.state()};
}

bool Service::has_applied(const UnderWay& one) const {
  if (!fleet_->has(one.to.slot)) return false;
  const Fleet::SlotView worker = fleet_->slot(one.to.slot);
  return is_alive(*worker.state) && worker.state->generation == one.generation &&
         worker.assigned_items - worker.unapplied_items >= one.assigned;
}

void Service::step_preparing() {
  const MonotonicNs now = monotonic_now();
  std::map<Slot, std::vector<AssignItem>> items;
  std::vector<EntryId> gone_over;
  size_t given_up = 0;
  for (auto& [id, one] : under_way_) {
    if (one.handover.state() != HandoverState::preparing) continue;
    switch (one.handover.step(preparing_facts(one), now)) {
      case Handover::Step::wait:
        break;
      case Handover::Step::go_over:
        if (const auto remove = shares_.go_over(id)) {
          items[remove->first].push_back(remove->second);
          gone_over.push_back(id);
        }
        break;
      case Handover::Step::give_up:
        ++given_up;
        if (const auto remove = shares_.give_up(id))
          if (fleet_->has(remove->first)) items[remove->first].push_back(remove->second);
        break;
    }
  }
  for (auto& [slot, batch] : items)
    if (fleet_->has(slot)) fleet_->assign(slot, std::move(batch));
  for (const EntryId id : gone_over) {
    const UnderWay& one = under_way_.at(id);
    leave(id, one.from, one.command_offset);
    board_->changed(id);
  }
  if (given_up != 0)
    log::warn(
        "handover.given_up entries={} message=\"their new worker received nothing of them in time, or is "
        "gone; "
        "they stay where they are\"",
        given_up);
}

void Service::settle_leaving() {
  Book& book = shares_.book();
  const MonotonicNs now = monotonic_now();
  const Book::Settled settled = book.settle([&](Book::Leaving& leaving) {
    return ledgers_->judge(leaving, leaving.id ? shares_.owner(*leaving.id) : std::nullopt, now);
  });
  for (const Book::Leaving& one : settled.left) {
    snapshot_due_ |= harvest_->of(one);
    note_last_event(one);
  }
  if (settled.late != 0)
    log::warn(
        "channel.moved_late entries={} message=\"events of theirs still wait where they were served "
        "before; those may come after newer ones\"",
        settled.late);
  std::map<Slot, std::vector<AssignItem>> items;
  std::vector<EntryId> released;
  for (const EntryId id : settled.free) {
    const auto found = under_way_.find(id);
    if (found != under_way_.end() && found->second.handover.old_left()) {
      UnderWay& one = found->second;
      one.release.index = one.to.index;
      if (one.renewed) one.release.after_stamp = one.release.after_hash = 0;
      items[one.to.slot].push_back(one.release);
      released.push_back(id);
    } else if (auto add = shares_.release(id, commands_)) {
      items[add->first].push_back(std::move(add->second));
    }
    board_->changed(id);
  }
  for (auto& [slot, batch] : items)
    if (fleet_->has(slot)) fleet_->assign(slot, std::move(batch));
  for (const EntryId id : released) note_told(under_way_.at(id));
}

// Of several places the one where something came last.
void Service::note_last_event(const Book::Leaving& leaving) {
  const auto found = leaving.id ? under_way_.find(*leaving.id) : under_way_.end();
  const ledger::Entry* line = ledgers_->books_line(leaving.from);
  if (found == under_way_.end() || line == nullptr) return;
  UnderWay& one = found->second;
  const RealNs arrived{line->ca.last_arrival_real_ns.load(kRelaxed)};
  if (one.last_known && one.last_known->value >= arrived.value) return;
  one.last_known = arrived;
  one.release.after_stamp = line->ca.last_stamp.load(kRelaxed);
  one.release.after_hash = line->publisher.last_event_hash.load(kRelaxed);
}

bool Service::finish_activated() {
  bool any = false;
  for (auto at = under_way_.begin(); at != under_way_.end();) {
    const EntryId id = at->first;
    UnderWay& one = at->second;
    const bool has = fleet_->has(one.to.slot);
    if (!has || fleet_->slot(one.to.slot).state->phase == SlotPhase::failed) one.handover.new_failed();
    if (one.handover.state() == HandoverState::activating && has_applied(one)) one.handover.applied();
    const HandoverState state = one.handover.state();
    const bool over = state == HandoverState::done || state == HandoverState::given_up;
    if (!over && shares_.book().is_under_way(id)) {
      ++at;
      continue;
    }
    if (over) shares_.book().free(id);  // else it was removed meanwhile
    if (one.changed) shares_.touch(id);
    board_->changed(id);
    at = under_way_.erase(at);
    any = true;
  }
  return any;
}

// It was given what it holds anew; what it was told before concerned its predecessor.
void Service::new_worker_greeted(Slot slot, std::vector<AssignItem>& items) {
  for (auto& [id, one] : under_way_) {
    const auto second = shares_.book().preparing(id), at = shares_.place(id);
    if (second && at && at->slot == slot) one.from = *at;
    if (one.to.slot != slot) continue;
    if (second || at) one.to = second ? *second : *at;
    one.release.index = one.to.index;
    one.renewed |= shares_.is_renewed(id);
    if (one.renewed) one.release.after_stamp = one.release.after_hash = 0;
    if (one.handover.state() == HandoverState::activating) items.push_back(one.release);
  }
  // Of handovers that nobody remembers, of entries that are served elsewhere.
  const ledger::LedgerReader* books = ledgers_->books(slot);
  if (books == nullptr || books->header().holds_used.load(kRelaxed) == 0) return;
  for (uint32_t i = 0; i < books->entries_used(); ++i) {
    const ledger::Entry* line = books->entry(EntryIndex{i});
    if (line == nullptr || line->publisher.held.load(kRelaxed) == 0) continue;
    const auto id = shares_.book().entry_at({slot, EntryIndex{i}});
    if (!id && replay_.serving()) items.push_back(ReleaseEntry{EntryIndex{i}});
  }
}

// The last that concerns it is among what its new worker was given.
void Service::note_told(UnderWay& one) const {
  if (!fleet_->has(one.to.slot)) return;
  const Fleet::SlotView worker = fleet_->slot(one.to.slot);
  one.generation = worker.state->generation;
  one.assigned = worker.assigned_items;
}

}  // namespace e2k::supervisor
