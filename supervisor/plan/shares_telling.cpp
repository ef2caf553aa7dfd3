// The part of the book of shares that tells a fresh worker what it serves.
#include <algorithm>
#include <utility>

#include "supervisor/plan/add_item.h"
#include "supervisor/plan/shares.h"

namespace e2k::supervisor {

std::vector<AssignItem> Shares::serve_anew(Slot slot, const CommandState& state) {
  stop_telling(slot);
  Telling telling;
  book_.each_of(slot, [&](EntryId id, EntryIndex) {
    telling.ids.push_back(id);
    row(id).untold = true;
  });
  std::vector<AssignItem> items;
  std::vector<EntryId> first;
  book_.each_held([&](EntryId id) { first.push_back(id); });
  book_.each_preparing([&](EntryId id, Place) { first.push_back(id); });
  for (const EntryId id : first) tell(slot, id, state, items);
  for (const EntryId id : first) {
    const auto to = book_.preparing(id);
    if (!to || to->slot != slot) continue;
    const auto entry = linked(id, state);
    if (!entry) {  // it is about to be removed, and the worker does not know it
      book_.forget_preparation(id);
      continue;
    }
    note_renewed(id, *entry);
    const EntryIndex index = lines_.assign(slot, entry->topic, entry->channel, entry->key);
    book_.prepare(id, {slot, index});
    AddEntry add = add_item(index, *entry);
    add.held = true;
    add.unserved = unserving_.contains(place(id)->slot);
    items.push_back(std::move(add));
  }
  if (!telling.ids.empty()) telling_.insert_or_assign(slot, std::move(telling));
  return items;
}

std::vector<AssignItem> Shares::tell_more(Slot slot, const CommandState& state, size_t most) {
  std::vector<AssignItem> items;
  const auto found = telling_.find(slot);
  if (found == telling_.end()) return items;
  Telling& telling = found->second;
  const size_t end = telling.next + std::min(most, telling.ids.size() - telling.next);
  for (; telling.next < end; ++telling.next) tell(slot, telling.ids[telling.next], state, items);
  if (end == telling.ids.size()) telling_.erase(found);
  return items;
}

// Nothing for an entry that was told meanwhile.
void Shares::tell(Slot slot, EntryId id, const CommandState& state, std::vector<AssignItem>& items) {
  if (!is_untold(slot, id)) return;
  rows_[id.value].untold = false;
  const auto entry = linked(id, state);
  if (entry && place(id)) return items.push_back(serve_again(id, *entry));
  // It is about to be removed, and the worker does not know it. What has the id by then is new, though it be
  // commanded as before.
  book_.forget_place(id);
  if (!entry) rows_[id.value].identity = {};
}

void Shares::stop_telling(Slot slot) {
  const auto found = telling_.find(slot);
  if (found == telling_.end()) return;
  for (const EntryId id : found->second.ids)
    if (is_untold(slot, id)) rows_[id.value].untold = false;
  telling_.erase(found);
}

// What has moved since, or another entry that has the id by now, is another fresh worker's to be told of.
bool Shares::is_untold(Slot slot, EntryId id) const {
  if (id.value >= rows_.size() || !rows_[id.value].untold) return false;
  const auto at = place(id);
  return !at || at->slot == slot;
}

// Who serves it was told a command that is not worked off yet, and who prepares it was not: it is to be
// looked at then, though it be the former one again.
void Shares::note_told(EntryId id, const EntryRef& entry) {
  Row& r = rows_[id.value];
  r.stale |= r.attributes != attributes_of(entry);
  r.attributes = attributes_of(entry);
}

// Where it goes it is told this command, also where that was not worked off yet.
void Shares::note_renewed(EntryId id, const EntryRef& entry) {
  Row& r = rows_[id.value];
  const uint32_t commanded = attributes_of(entry);
  r.renewed |= !r.is_as(commanded);
  r.changed = r.stale = false;
  r.attributes = commanded;
}

// Where it is, be its channel about to be elsewhere or not.
AddEntry Shares::serve_again(EntryId id, const EntryRef& entry) {
  const Slot slot = place(id)->slot;
  if (!book_.is_under_way(id) && owner(id) == slot) return hand_out(id, entry);
  rows_[id.value].untold = false;
  const bool is_held = book_.is_held(id);
  const auto second = book_.preparing(id);
  second ? note_told(id, entry) : note_renewed(id, entry);
  // Its lines may have begun anew, or its key be another.
  const EntryIndex index = lines_.assign(slot, entry.topic, entry.channel, entry.key);
  if (index != place(id)->index) {
    book_.serve(id, {slot, index});
    if (is_held) book_.hold(id);
    if (second) book_.prepare(id, *second);
  }
  AddEntry add = add_item(index, entry);
  add.held = add.unserved = is_held;
  return add;
}

}  // namespace e2k::supervisor
