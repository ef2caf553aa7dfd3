// The part of the Service that lets slots come and go, and closes those that can't or are not to serve.
#include <algorithm>
#include <utility>

#include "common/log.h"
#include "supervisor/fleet/resize.h"
#include "supervisor/service.h"

namespace e2k::supervisor {
namespace {

// A worker that is to leave and does not get rid of its last events for so long goes all the same: its heir
// publishes them.
constexpr int64_t kLastEventsNs = 60 * kNsPerSecond;
// One that is to be replaced and is not rid of its channels by then is restarted with them; where a topic
// that takes nothing holds them, waiting longer is of no use.
constexpr int64_t kReplaceNs = 60 * kNsPerSecond, kReplaceBlockedNs = 5 * kNsPerSecond;
// Serving nothing it has so long for getting its last events to Kafka; its successor publishes them as well.
constexpr int64_t kSettleNs = 2 * kNsPerSecond;

}  // namespace

Result<void> Service::set_workers(int count, const Caller&) {
  if (auto kept = directory_.keep_workers(count, config_.workers.configured); !kept) return kept;
  log::info("service.scaled workers={}", count);
  wanted_workers_ = static_cast<size_t>(count);
  resize_fleet();
  return {};
}

void Service::resize_fleet() {
  if (stopping_) return;
  std::vector<Slot> present;
  std::set<Slot> leaving;
  for (const auto& view : fleet_->slots()) {
    const auto found = leaving_.find(view.slot);
    if (found == leaving_.end()) present.push_back(view.slot);
    if (found != leaving_.end() && !found->second.told) leaving.insert(view.slot);
  }
  // Where nobody else is there to take over, one more is, for as long as it takes.
  const auto slots = fleet_->slots();
  const auto failed = static_cast<size_t>(
      std::ranges::count_if(slots, [](const auto& view) { return view.state->phase == SlotPhase::failed; }));
  const size_t away = replacing_.size() + failed;
  const bool needs_spare = !replacing_.empty() && wanted_workers_ <= away;
  const size_t wanted = needs_spare ? away + 1 : wanted_workers_;
  const Resize change = resize(std::move(present), leaving, wanted,
                               [this](Slot slot) { return !fleet_->has(slot) && books_.is_free(slot); });
  for (const Slot slot : change.leave) {
    log::info("slot.leaves slot={} channels={}", slot.value, shares_.channels(slot));
    leaving_[slot] = Leaver{monotonic_now(), false};
  }
  for (const Slot slot : change.stay) leaving_.erase(slot);
  for (const Slot slot : change.enter) {
    log::info("slot.enters slot={}", slot.value);
    books_.enter(slot, shares_.lines());
    shares_.add_slot(slot);
    fleet_->add(slot);
  }
  judge_closed();
  if (replay_.serving()) reconcile();
}

// Channels go to slots that are open, and leave those that are closed.
void Service::judge_closed() {
  for (const auto& view : fleet_->slots()) {
    if (leaving_.contains(view.slot) || replacing_.contains(view.slot) ||
        view.state->phase == SlotPhase::failed)
      shares_.close(view.slot);
    else
      shares_.open(view.slot);
  }
}

// Nobody else may receive yet what is about to leave it.
bool Service::hands_over(Slot slot) const {
  return std::ranges::any_of(under_way_, [slot](const auto& one) {
    return one.second.from.slot == slot && one.second.handover.state() == HandoverState::preparing;
  });
}

bool Service::serves_nothing(Slot slot) const {
  return shares_.channels(slot) == 0 && !hands_over(slot) &&
         std::ranges::none_of(under_way_, [slot](const auto& one) { return one.second.to.slot == slot; });
}

// All that it serves has come to it, and can't go on before its last event elsewhere is in Kafka, where it
// `waits`.
template <class Waits>
bool Service::keeps_only(Slot slot, Waits waits) const {
  const auto kept = std::ranges::count_if(
      under_way_, [&](const auto& one) { return one.second.to.slot == slot && waits(one.second.from); });
  return !hands_over(slot) && static_cast<size_t>(kept) >= shares_.entries(slot);
}

bool Service::is_emptied(Slot slot) const {
  return serves_nothing(slot) && !shares_.book().leaves(slot) &&
         std::ranges::none_of(under_way_, [slot](const auto& one) { return one.second.from.slot == slot; });
}

void Service::retire_emptied() {
  // What a found worker serves counts as nobody's until it was compared with what is commanded.
  if (!replay_.serving() || fleet_->is_adopting() || shares_.is_behind()) return;
  const MonotonicNs now = monotonic_now();
  for (auto& [slot, leaver] : leaving_) {
    if (leaver.told || !fleet_->has(slot) || !is_emptied(slot) || shares_.has_taken_over(slot)) continue;
    const ledger::LedgerReader* books = ledgers_->books(slot);
    const bool waits = books != nullptr && ledger::waiting_of(books->header()) != 0;
    if (!leaver.emptied) leaver.emptied = now;
    if (waits && now.value - leaver.emptied->value < kLastEventsNs) continue;
    leaver.told = true;
    fleet_->retire(slot);
  }
}

// A worker is replaced by handover: its slot is closed, its channels go to the others, it is restarted once
// it serves nothing, and the slot is open again; then channels come, as many as make the workers even.
// One that does not serve, hence can't hand over, is restarted at once; so is one that is stopped anyway.
bool Service::replace(Slot slot, const std::string& why) {
  if (!fleet_->has(slot) || leaving_.contains(slot)) return fleet_->has(slot);
  const SlotPhase phase = fleet_->slot(slot).state->phase;
  if (phase != SlotPhase::running || !replay_.serving() || stopping_) {
    fleet_->restart(slot, why);
    return true;
  }
  if (!replacing_.try_emplace(slot, Replacement{monotonic_now(), why}).second) return true;
  log::info("worker.replaced worker={} channels={}", slot.value, shares_.channels(slot));
  resize_fleet();
  restart_emptied();
  return true;
}

void Service::restart_emptied() {
  const MonotonicNs now = monotonic_now();
  std::vector<Slot> ready;
  for (auto& [slot, replacement] : replacing_) {
    if (replacement.told || !fleet_->has(slot) || !is_ready_to_restart(slot, replacement, now)) continue;
    replacement.told = true;
    ready.push_back(slot);
  }
  for (const Slot slot : ready) fleet_->restart(slot, replacing_.at(slot).why);
}

bool Service::is_ready_to_restart(Slot slot, Replacement& replacement, MonotonicNs now) const {
  if (fleet_->slot(slot).state->phase != SlotPhase::running) return true;
  if (serves_nothing(slot)) {
    if (!replacement.serves_nothing) replacement.serves_nothing = now;
    const ledger::LedgerReader* books = ledgers_->books(slot);
    const bool waits = books != nullptr && ledger::waiting_of(books->header()) != 0;
    return (!waits && is_emptied(slot)) || now.value - replacement.serves_nothing->value > kSettleNs;
  }
  const int64_t lasted = now.value - replacement.since.value;
  if (lasted <= kReplaceBlockedNs) return false;
  if (!keeps_only(slot, [this](const Place& from) { return ledgers_->is_blocked(from); })) {
    // Brokers come back, and then it can be done without a gap.
    const RealNs real = real_now();
    const bool waits = keeps_only(slot, [&](const Place& from) { return ledgers_->is_stuck(from, real); });
    if (lasted <= kReplaceNs || waits) return false;
  }
  log::warn(
      "worker.replaced_late worker={} channels={} message=\"it is restarted with channels that could not go "
      "to another; what comes for them until it is back is not received\"",
      slot.value, shares_.channels(slot));
  return true;
}

void Service::roll_on() {
  while (const auto slot = rolling_.next()) {
    if (!leaving_.contains(*slot) && replace(*slot)) return;
    rolling_.welcomed(*slot);  // it has left the fleet meanwhile, or is about to
  }
}

void Service::on_gave_up(Slot slot) {
  replacing_.erase(slot);
  if (const auto left = rolling_.gave_up(slot))
    log::warn("rolling.ended worker={} left={} message=\"it failed, and the others stay as they are\"",
              slot.value, *left);
  judge_closed();
  judge_slots();
  if (replay_.serving()) reconcile();
}

void Service::on_retired(Slot slot) {
  log::info("slot.left slot={}", slot.value);
  leaving_.erase(slot);
  shares_.remove_slot(slot);
  replacing_.erase(slot);
  books_.leave(slot);
  rolling_.welcomed(slot);
  judge_slots();
  resize_fleet();
  // What it left behind, or was to drain, is its heirs' from their next launch on.
  for (const auto& [left, gone] : books_.gone())
    if (gone.logs && !gone.given) rolling_.add(gone.heir);
  roll_on();
}

}  // namespace e2k::supervisor
