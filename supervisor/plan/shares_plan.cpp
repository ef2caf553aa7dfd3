// The part of the book of shares that finds slots for channels: by the room that there is, or by a plan of
// all.
#include <algorithm>
#include <utility>

#include "supervisor/plan/shares.h"

namespace e2k::supervisor {
namespace {

// Of a slice: a channel that is only looked at costs a tenth of an entry that is handed out.
constexpr size_t kGatheredForOne = 10;

}  // namespace

// For the channels that nobody holds; true: they all have a place, or one that is kept for them.
bool Shares::make_room(const CommandState& state, const Asking& ask, size_t& left, Orders& orders) {
  if (!planning_) {
    if (has_room_ && !wants_plan_) return true;
    has_room_ = !wants_plan_ && !moves_put_off_ && room_for_homeless();
    if (has_room_) return true;
    begin_plan();
  }
  if (!planning_->moves) {
    if (!gather(state, left)) return false;
    // With few channels it takes as long as a slice.
    if (left != kAll && planning_->work->channels() > planned_at_once_) return false;
    planned(planning_->work->make());
  }
  return carry_out_plan(state, ask, left, orders);
}

void Shares::begin_plan() {
  planning_.emplace(Planning{slots_changes_, PlanWork(open_slots(), affinity_)});
  planning_->work->expect(channel_of_name_.size());
  moves_put_off_ = wants_plan_ = false;
  moves_.clear();
}

// Who holds what, as far as the slice goes; false: there is more, or it was given away.
bool Shares::gather(const CommandState& state, size_t& left) {
  if (!planning_->work) return false;
  uint32_t& next = planning_->gathered;
  const size_t most = left == kAll ? kAll : left * kGatheredForOne;
  const auto end = static_cast<uint32_t>(std::min<size_t>(most, channels_.size() - next)) + next;
  for (; next < end; ++next) {
    const Channel& channel = channels_[next];
    if (channel.entries == 0) continue;
    PlannedChannel p;
    if (auto entry = state.find(EntryId{channel.first})) p.name = entry->channel;
    if (channel.slot != kNoSlot) p.holder = Slot{channel.slot};
    if (channel.host != kNone) p.host = channel.host;
    p.quarantined = channel.bar == Bar::quarantined;
    planning_->work->add(p, next, channel.name_hash);
  }
  return next == channels_.size();
}

std::optional<PlanWork> Shares::take_plan_work() {
  if (!planning_ || !planning_->work || planning_->moves || planning_->gathered < channels_.size()) return {};
  return std::exchange(planning_->work, std::nullopt);
}

bool Shares::waits_for_plan() const {
  return planning_ && !planning_->work && !planning_->moves && taken_ == touched_.size() &&
         brought_home_ == added_.size();
}

void Shares::planned(std::vector<PlannedMove> moves) {
  if (planning_) planning_->moves = std::move(moves);
}

// A slice of it; true: that was the last.
bool Shares::carry_out_plan(const CommandState& state, const Asking& ask, size_t& left, Orders& orders) {
  if (planning_->slots_changes != slots_changes_) {  // it is another fleet's
    planning_.reset();
    wants_plan_ = true;
    return false;
  }
  const std::vector<PlannedMove>& moves = *planning_->moves;
  for (; planning_->carried_out < moves.size(); ++planning_->carried_out) {
    if (left == 0) return false;
    if (left != kAll) --left;
    const PlannedMove& move = moves[planning_->carried_out];
    if (is_as_planned(move))
      begin_move(move, state, ask, orders);
    else
      planning_->differs = true;
  }
  moves_put_off_ |= planning_->differs;
  planning_.reset();
  has_room_ = true;
  return true;
}

bool Shares::is_as_planned(const PlannedMove& move) const {
  const Channel& channel = channels_[move.channel];
  if (channel.entries == 0 || channel.name_hash != move.name_hash) return false;
  return channel.slot == (move.from ? move.from->value : kNoSlot) && channel.bar != Bar::quarantined;
}

void Shares::begin_move(const PlannedMove& move, const CommandState& state, const Asking& ask,
                        Orders& orders) {
  const Channel& channel = channels_[move.channel];
  const bool must_go = !move.from || !is_open(*move.from);
  const bool is_withheld = channel.bar == Bar::withheld && move.from;
  if (is_withheld || is_under_way(channel) || (!must_go && is_stuck(channel, ask))) {
    moves_put_off_ = true;
  } else if (!is_placed(channel)) {
    move_channel(move.channel, move.to, state, orders);
  } else if (must_go || channel.stays_at != slots_changes_) {
    moves_.push_back({move.channel, move.name_hash, move.to});
  }
}

// What the workers have room for, or nothing: others are to be moved, too, so that it is the planner's turn.
std::optional<std::map<Slot, size_t>> Shares::room_for_homeless() const {
  if (affinity_ != Affinity::none) return std::nullopt;
  std::map<Slot, size_t> held;
  size_t channels = homeless_ + quarantined_;
  for (const Slot slot : open_slots()) channels += held[slot] = this->channels(slot);
  if (channels != channel_of_name_.size()) return std::nullopt;  // one is held by nobody of the fleet
  return room_for_new(homeless_, held);
}

// The slice's homeless channels go where there is room for them. Those that came while all were planned may
// find none: they go to who has least, and all are evened out later.
void Shares::place_evenly(std::span<const EntryId> slice, const CommandState& state) {
  std::vector<std::pair<std::string_view, uint32_t>> fresh;
  for (const EntryId id : slice) {
    if (!is_linked(id) || !channels_[rows_[id.value].channel].homeless) continue;
    if (const auto entry = linked(id, state)) fresh.emplace_back(entry->channel, rows_[id.value].channel);
  }
  if (fresh.empty()) return;
  std::ranges::sort(fresh);
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  const auto room = room_for_homeless();
  if (!room) {
    const std::vector<Slot> open = open_slots();
    for (const auto& [name, number] : fresh)
      put_at(channels_[number],
             *std::ranges::min_element(open, {}, [this](const Slot slot) { return channels(slot); }));
    moves_put_off_ = true;
    return;
  }
  auto next = fresh.begin();
  for (const auto& [slot, number] : part_of(*room, fresh.size()))
    for (size_t i = 0; i < number; ++i, ++next) put_at(channels_[next->second], slot);
}

}  // namespace e2k::supervisor
