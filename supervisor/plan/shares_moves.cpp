// The part of the book of shares that follows the slots, and moves channels between them.
#include <algorithm>
#include <utility>

#include "supervisor/plan/add_item.h"
#include "supervisor/plan/shares.h"

namespace e2k::supervisor {

void Shares::add_slot(Slot slot) {
  const auto at = std::lower_bound(slots_.begin(), slots_.end(), slot);
  if (at != slots_.end() && *at == slot) return;
  slots_.insert(at, slot);
  workers_[slot];
  note_slots_changed(true);
}

void Shares::remove_slot(Slot slot) {
  note_slots_changed(std::erase(slots_, slot) != 0);
  closed_.erase(slot);
}

void Shares::close(Slot slot) {
  if (std::binary_search(slots_.begin(), slots_.end(), slot)) note_slots_changed(closed_.insert(slot).second);
}

void Shares::open(Slot slot) {
  note_slots_changed(closed_.erase(slot) != 0);
}

void Shares::note_slots_changed(bool changed) {
  if (!changed) return;
  wants_plan_ = true;
  ++slots_changes_;  // what was given up is tried again
}

std::vector<Slot> Shares::open_slots() const {
  std::vector<Slot> open;
  for (const Slot slot : slots_)
    if (!closed_.contains(slot)) open.push_back(slot);
  return open.empty() ? slots_ : open;
}

bool Shares::is_open(Slot slot) const {
  return std::binary_search(slots_.begin(), slots_.end(), slot) &&
         (!closed_.contains(slot) || closed_.size() == slots_.size());
}

// For the channels that nobody holds; moves others where it must.
void Shares::make_room(const CommandState& state, const Asking& ask, Orders& orders) {
  has_room_ = true;
  if (moves_put_off_ || wants_plan_ || !room_for_homeless()) even_out(state, ask, orders);
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

// The slice's homeless channels go where there is room for them; false: there is none, but there was.
bool Shares::place_evenly(std::span<const EntryId> slice, const CommandState& state) {
  std::vector<std::pair<std::string_view, uint32_t>> fresh;
  for (const EntryId id : slice) {
    if (!is_linked(id) || !channels_[rows_[id.value].channel].homeless) continue;
    if (const auto entry = linked(id, state)) fresh.emplace_back(entry->channel, rows_[id.value].channel);
  }
  if (fresh.empty()) return true;
  const auto room = room_for_homeless();
  if (!room) return false;
  std::ranges::sort(fresh);
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  auto next = fresh.begin();
  for (const auto& [slot, number] : part_of(*room, fresh.size()))
    for (size_t i = 0; i < number; ++i, ++next) put_at(channels_[next->second], slot);
  return true;
}

void Shares::even_out(const CommandState& state, const Asking& ask, Orders& orders) {
  std::vector<PlannedChannel> planned;
  std::vector<uint32_t> numbers;
  planned.reserve(channel_of_name_.size());
  numbers.reserve(channel_of_name_.size());
  for (uint32_t n = 0; n < channels_.size(); ++n) {
    const Channel& channel = channels_[n];
    if (channel.entries == 0) continue;
    PlannedChannel p;
    if (auto entry = state.find(EntryId{channel.first})) p.name = entry->channel;
    if (channel.slot != kNoSlot) p.holder = Slot{channel.slot};
    if (channel.host != kNone) p.host = channel.host;
    p.quarantined = channel.bar == Bar::quarantined;
    planned.push_back(p);
    numbers.push_back(n);
  }
  moves_put_off_ = wants_plan_ = false;
  moves_.clear();
  for (const Move& move : plan(planned, open_slots(), affinity_)) {
    const Channel& channel = channels_[numbers[move.channel]];
    const bool must_go = channel.slot == kNoSlot || !is_open(Slot{channel.slot});
    const bool is_withheld = channel.bar == Bar::withheld && channel.slot != kNoSlot;
    if (is_withheld || is_under_way(channel) || (!must_go && is_stuck(channel, ask))) {
      moves_put_off_ = true;
    } else if (!is_placed(channel)) {
      move_channel(numbers[move.channel], move.to, state, orders);
    } else if (must_go || channel.stays_at != slots_changes_) {
      moves_.push_back({numbers[move.channel], channel.name_hash, move.to});
    }
  }
}

Shares::Orders Shares::next_moves(const CommandState& state, const Asking& ask, size_t most) {
  Orders orders;
  while (!moves_.empty() && book_.under_way() < most) {
    const Wanted move = moves_.front();
    moves_.pop_front();
    const Channel& channel = channels_[move.channel];
    if (channel.entries == 0 || channel.name_hash != move.name_hash || is_under_way(channel)) continue;
    if (!is_open(move.to) || channel.slot == move.to.value || channel.bar != Bar::none) continue;
    if (channel.slot != kNoSlot && is_open(Slot{channel.slot}) && is_stuck(channel, ask)) {
      moves_put_off_ = true;
      continue;
    }
    move_channel(move.channel, move.to, state, orders);
  }
  return orders;
}

bool Shares::is_under_way(const Channel& channel) const {
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next)
    if (book_.is_under_way(EntryId{e})) return true;
  return false;
}

bool Shares::is_placed(const Channel& channel) const {
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next)
    if (place(EntryId{e})) return true;
  return false;
}

bool Shares::is_stuck(const Channel& channel, const Asking& ask) const {
  if (channel.slot == kNoSlot) return false;
  const Slot slot{channel.slot};
  bool stuck = false;
  for (uint32_t e = channel.first; e != kNone && !stuck; e = rows_[e].next) {
    if (const auto at = place(EntryId{e})) {
      stuck = ask.stuck(*at);
    } else {
      // Not handed out yet: what waits there is of the worker before.
      lines_.each(rows_[e].identity,
                  [&](const Place& place) { stuck = stuck || (place.slot == slot && ask.waits(place)); });
    }
  }
  return stuck;
}

void Shares::move_channel(uint32_t number, Slot to, const CommandState& state, Orders& orders) {
  Channel& channel = channels_[number];
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next) hand_over(EntryId{e}, to, state, orders);
  leave_slot(channel);
  put_at(channel, to);
}

void Shares::leave_slot(Channel& channel) {
  if (channel.slot == kNoSlot) return;
  Worker& worker = workers_[Slot{channel.slot}];
  --worker.channels;
  worker.entries -= channel.entries;
  channel.slot = kNoSlot;
}

void Shares::hand_over(EntryId id, Slot to, const CommandState& state, Orders& orders) {
  const auto at = place(id);
  const auto entry = state.find(id);
  if (!at || !entry || at->slot == to) return;
  const EntryIndex index = lines_.assign(to, entry->topic, entry->channel, entry->key);
  book_.prepare(id, {to, index});
  AddEntry add = add_item(index, *entry);
  add.held = true;
  orders.items[to].push_back(std::move(add));
  orders.departures.push_back({id, *at, std::exchange(rows_[id.value].changed, false), true});
}

std::optional<std::pair<Slot, RemoveEntry>> Shares::go_over(EntryId id) {
  const auto from = place(id);
  if (!from || !book_.preparing(id)) return std::nullopt;
  book_.go_over(id);
  return std::pair{from->slot, RemoveEntry{from->index}};
}

std::optional<std::pair<Slot, RemoveEntry>> Shares::give_up(EntryId id) {
  const auto at = place(id), second = book_.preparing(id);
  if (!at || !second) return std::nullopt;
  book_.forget_preparation(id);
  Channel& channel = channels_[rows_[id.value].channel];
  leave_slot(channel);
  put_at(channel, at->slot);
  channel.stays_at = slots_changes_;
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next)
    if (EntryId{e} != id) touch(EntryId{e});
  return std::pair{second->slot, RemoveEntry{second->index}};
}

}  // namespace e2k::supervisor
