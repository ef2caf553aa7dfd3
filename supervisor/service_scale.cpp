// The part of the Service that lets slots come and go, and closes those that can't or are not to serve.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "common/log.h"
#include "supervisor/fleet/slot_life.h"
#include "supervisor/service.h"
#include "supervisor/settings/spool_parts.h"

namespace e2k::supervisor {
namespace {

// A worker that is to leave and does not get rid of its last events for so long goes all the same: its heir
// publishes them.
constexpr int64_t kLastEventsNs = 60 * kNsPerSecond;
// One that is to be replaced and is not rid of its channels by then is restarted with them; where a topic
// that takes nothing holds them, waiting longer is of no use.
constexpr int64_t kReplaceNs = 60 * kNsPerSecond, kReplaceBlockedNs = 5 * kNsPerSecond;
// An heir that has not taken a gone slot's logs is asked again after this time.
constexpr int64_t kAskHeirNs = 60 * kNsPerSecond;
// Serving nothing it has so long for getting its last events to Kafka; its successor publishes them as well.
constexpr int64_t kSettleNs = 2 * kNsPerSecond;

}  // namespace

Result<void> Service::set_workers(int count, const Caller&) {
  if (std::string refusal = refusal_of_workers(config_.spool, count); !refusal.empty())
    return fail_lastingly(std::move(refusal));
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
    const bool may_stay = found != leaving_.end() && !found->second.told && !is_drainer(view.slot);
    if (may_stay) leaving.insert(view.slot);
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
  for (const Slot slot : change.stay) {
    leaving_.erase(slot);
    if (rolled_past_.erase(slot) != 0) rolling_.add(slot);
  }
  note_spares(change);
  for (const Slot slot : change.enter) {
    log::info("slot.enters slot={}", slot.value);
    enter(slot);
  }
  judge_closed();
  if (!change.stay.empty()) roll_on();
  if (replay_.serving()) reconcile();
}

void Service::enter(Slot slot) {
  books_.enter(slot, shares_.lines());
  shares_.add_slot(slot);
  if (leaving_.contains(slot)) shares_.close(slot);
  fleet_->add(slot);
}

// In an outage a spare stays for as long as that lasts, with what waits in it; the other workers' parts of
// the spool are as large as without it.
void Service::note_spares(const Resize& change) {
  std::erase_if(spares_, [this](Slot slot) { return !fleet_->has(slot); });
  size_t regular = 0;
  for (const auto& view : fleet_->slots())
    if (!leaving_.contains(view.slot) && !spares_.contains(view.slot)) ++regular;
  // Those that are too few come first: of spares that are there…
  std::erase_if(spares_, [&](Slot slot) {
    const bool becomes_regular = !leaving_.contains(slot) && regular < wanted_workers_;
    if (becomes_regular) ++regular;
    return becomes_regular;
  });
  // …then of those that enter.
  for (const Slot slot : change.enter)
    if (regular++ >= wanted_workers_) spares_.insert(slot);
  fleet_->set_spares(spares_);
}

// Channels go to slots that are open, and leave those that are closed.
void Service::judge_closed() {
  for (const auto& view : fleet_->slots()) {
    const bool has_failed = view.state->phase == SlotPhase::failed;
    if (leaving_.contains(view.slot) || replacing_.contains(view.slot) || has_failed)
      shares_.close(view.slot, !has_failed);
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

// What a found worker serves may be commanded, though nobody has read it yet.
bool Service::serves_nothing(Slot slot) const {
  return shares_.channels(slot) == 0 && shares_.book().served(slot) == 0 && !hands_over(slot) &&
         !shares_.has_taken_over(slot) &&
         std::ranges::none_of(under_way_, [slot](const auto& one) { return one.second.to.slot == slot; });
}

// All that it serves has come to it, and can't go on before its last event elsewhere is in Kafka, where it
// `waits`.
template <class Waits>
bool Service::keeps_only(Slot slot, Waits waits) const {
  size_t kept = 0, kept_there = 0;
  for (const auto& [id, one] : under_way_) {
    if (one.to.slot != slot || !waits(one.from)) continue;
    ++kept;
    if (one.handover.state() != HandoverState::preparing) ++kept_there;
  }
  return !hands_over(slot) && !shares_.has_taken_over(slot) && kept >= shares_.entries(slot) &&
         kept_there >= shares_.book().served(slot);
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
    if (leaver.told || is_drainer(slot) || !fleet_->has(slot)) continue;
    if (!is_emptied(slot)) {
      leaver.emptied.reset();
      continue;
    }
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
  replacement.serves_nothing.reset();
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
    if (leaving_.contains(*slot)) rolled_past_.insert(*slot);
    rolling_.welcomed(*slot);  // it has left the fleet meanwhile, or is about to
  }
}

// Kept, so that a reload in the middle of it changes nothing.
void Service::roll_all() {
  Generation last{};
  for (const auto& view : fleet_->slots()) last = std::max(last, view.state->generation);
  keep_rolling_upto(last);
}

void Service::keep_rolling_upto(Generation generation) {
  if (std::exchange(rolling_upto_, generation) == generation) return;
  if (auto kept = directory_.keep_rolling_upto(generation); !kept)
    log::warn("rolling.not_kept error={}", log::quoted(kept.error().message));
}

// What the supervisor before had begun.
void Service::go_on_rolling() {
  if (std::exchange(rolling_went_on_, true) || rolling_upto_ == Generation{}) return;
  size_t left = 0;
  for (const auto& view : fleet_->slots()) {
    if (view.state->generation > rolling_upto_ || !is_alive(*view.state)) continue;
    if (replacing_.contains(view.slot)) continue;
    rolling_.add(view.slot);
    ++left;
  }
  if (left != 0) log::info("rolling.goes_on left={}", left);
  judge_rolled();
  boost::asio::post(loop_, [this] { roll_on(); });
}

void Service::judge_rolled() {
  if (rolling_upto_ == Generation{} || !rolling_went_on_) return;
  const auto slots = fleet_->slots();
  const bool any = std::ranges::any_of(slots, [this](const auto& view) {
    return is_alive(*view.state) && view.state->generation <= rolling_upto_;
  });
  if (!any) keep_rolling_upto(Generation{});
}

void Service::on_gave_up(Slot slot) {
  replacing_.erase(slot);
  begin_loans();
  end_loans();
  if (const auto left = rolling_.gave_up(slot)) {
    log::warn("rolling.ended worker={} left={} message=\"it failed, and the others stay as they are\"",
              slot.value, *left);
    keep_rolling_upto(Generation{});
    rolled_past_.clear();
    heirs_asked_.clear();  // some of them were to be restarted, too
  }
  judge_closed();
  judge_slots();
  if (replay_.serving()) reconcile();
}

void Service::on_retired(Slot slot) {
  log::info("slot.left slot={}", slot.value);
  leaving_.erase(slot);
  rolled_past_.erase(slot);
  shares_.remove_slot(slot);
  replacing_.erase(slot);
  books_.leave(slot);
  rolling_.welcomed(slot);
  judge_rolled();
  give_back(slot);
  judge_slots();
  resize_fleet();
  ask_heirs();
}

// What a slot left behind is its heir's from that one's next launch on. Asked again where it did not take it.
void Service::ask_heirs() {
  if (stopping_ || !replay_.serving() || fleet_->is_adopting()) return;
  look_for_drainers();
  // Nothing would be drained, and who is restarted waits for it.
  if (directory_.is_paused() || reasons_.has(ReasonCode::brokers_down)) return;
  const MonotonicNs now = monotonic_now();
  std::erase_if(heirs_asked_, [this](const auto& one) { return !books_.gone().contains(one.first); });
  const auto can_take = [this](Slot slot) {
    return fleet_->has(slot) && !leaving_.contains(slot) &&
           fleet_->slot(slot).state->phase == SlotPhase::running;
  };
  for (const auto& [slot, gone] : books_.gone()) {
    if (!gone.logs || gone.is_kept) continue;
    const auto [asked, is_new] = heirs_asked_.try_emplace(slot, now);
    if (!is_new && now.value - asked->second.value < kAskHeirNs) continue;
    const auto slots = fleet_->slots();
    const auto other = std::ranges::find_if(slots, [&](const auto& view) { return can_take(view.slot); });
    if (!can_take(gone.heir) && other != slots.end()) books_.name_heir(slot, other->slot);
    asked->second = now;
    if (can_take(gone.heir)) rolling_.add(gone.heir);
  }
  roll_on();
}

void Service::look_for_drainers() {
  std::map<Slot, int32_t> pids;
  for (const auto& view : fleet_->slots())
    if (is_alive(*view.state)) pids[view.slot] = view.state->pid;
  books_.look_for_drainers(pids);
}

}  // namespace e2k::supervisor
