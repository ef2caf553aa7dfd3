// The part of the book of shares that follows the slots, and moves channels between them by what was planned.
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
  unserving_.erase(slot);
}

void Shares::close(Slot slot, bool serves) {
  if (!std::binary_search(slots_.begin(), slots_.end(), slot)) return;
  const bool is_new = closed_.insert(slot).second;
  note_slots_changed(is_new);
  // What it serves for another slot is not among the channels that leave it.
  if (is_new)
    book_.each_of(slot, [&](EntryId id, EntryIndex) {
      if (owner(id) != slot) touch(id);
    });
  if (serves)
    unserving_.erase(slot);
  else
    unserving_.insert(slot);
}

void Shares::open(Slot slot) {
  unserving_.erase(slot);
  note_slots_changed(closed_.erase(slot) != 0);
}

void Shares::note_slots_changed(bool changed) {
  if (!changed) return;
  wants_plan_ = true;
  ++slots_changes_;  // what was given up is tried again
  touch(std::exchange(stranded_, {}));
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

// Unlike is_open(), where all are closed.
bool Shares::may_go_to(Slot slot) const {
  return std::binary_search(slots_.begin(), slots_.end(), slot) && !closed_.contains(slot);
}

Shares::Orders Shares::next_moves(const CommandState& state, const Asking& ask, size_t most) {
  Orders orders;
  for (size_t looked_at = 0; !moves_.empty() && book_.under_way() < most && looked_at < most; ++looked_at) {
    const Wanted move = moves_.front();
    moves_.pop_front();
    const Channel& channel = channels_[move.channel];
    if (channel.entries == 0 || channel.name_hash != move.name_hash) continue;
    if (!is_open(move.to) || channel.slot == move.to.value || channel.bar != Bar::none) continue;
    const bool may_stay = channel.slot != kNoSlot && is_open(Slot{channel.slot});
    if (is_under_way(channel) || (may_stay && is_stuck(channel, ask))) {
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
  Row& r = rows_[id.value];
  // Also by a command that was not worked off yet.
  const bool is_renewed = !r.is_as(attributes_of(*entry));
  // It goes on there until then, hence it is to be served there first.
  if (r.untold) orders.items[at->slot].push_back(serve_again(id, *entry));
  const EntryIndex index = lines_.assign(to, entry->topic, entry->channel, entry->key);
  book_.prepare(id, {to, index});
  AddEntry add = add_item(index, *entry);
  add.held = true;
  add.unserved = unserving_.contains(place(id)->slot);
  orders.items[to].push_back(std::move(add));
  r.renewed = false;
  note_renewed(id, *entry);
  orders.departures.push_back({id, *place(id), is_renewed, true});
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
  if (rows_[id.value].renewed) {
    rows_[id.value].stale = true;  // it is served as it was before
    touch(id);
  }
  return std::pair{second->slot, RemoveEntry{second->index}};
}

}  // namespace e2k::supervisor
