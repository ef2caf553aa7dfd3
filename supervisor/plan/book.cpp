#include "supervisor/plan/book.h"

#include <algorithm>

namespace e2k::supervisor {
namespace {

uint64_t number_of(const Place& place) {
  return (uint64_t{place.slot.value} << 32) | place.index.value;
}

template <class Map, class Key>
void count_down(Map& counts, Key key) {
  const auto found = counts.find(key);
  if (--found->second == 0) counts.erase(found);
}

}  // namespace

void Book::serve(EntryId id, Place place) {
  withdraw(id);
  if (id.value >= rows_.size()) rows_.resize(id.value + 1);
  rows_[id.value] = {place.index.value, place.slot.value};
  auto& of_slot = back_[place.slot];
  if (of_slot.size() <= place.index.value) of_slot.resize(place.index.value + 1, kNone);
  of_slot[place.index.value] = id.value;
  ++served_[place.slot];
}

void Book::prepare(EntryId id, Place to) {
  forget_preparation(id);
  preparing_.insert_or_assign(id.value, to);
  prepared_at_[number_of(to)] = id.value;
}

std::optional<Place> Book::preparing(EntryId id) const {
  const auto found = preparing_.find(id.value);
  return found == preparing_.end() ? std::nullopt : std::optional(found->second);
}

void Book::forget_preparation(EntryId id) {
  const auto found = preparing_.find(id.value);
  if (found == preparing_.end()) return;
  prepared_at_.erase(number_of(found->second));
  preparing_.erase(found);
}

void Book::go_over(EntryId id) {
  const auto to = preparing(id);
  if (!to) return;
  serve(id, *to);
  hold(id);
}

void Book::withdraw(EntryId id) {
  forget_preparation(id);
  forget_place(id);
}

void Book::forget_place(EntryId id) {
  free(id);
  const auto was = place(id);
  if (!was) return;
  uint32_t& behind = back_[was->slot][was->index.value];
  if (behind == id.value) behind = kNone;
  --served_[was->slot];
  rows_[id.value] = Row{};
}

size_t Book::served(Slot slot) const {
  const auto found = served_.find(slot);
  return found == served_.end() ? 0 : found->second;
}

Serving Book::state(EntryId id) const {
  if (is_held(id)) return Serving::held;
  if (preparing_.contains(id.value)) return Serving::preparing;
  if (place(id)) return Serving::serving;
  return leaving_of_.contains(id.value) ? Serving::leaving : Serving::unserved;
}

std::optional<Place> Book::place(EntryId id) const {
  if (id.value >= rows_.size() || rows_[id.value].index == kNone) return std::nullopt;
  return Place{Slot{rows_[id.value].slot}, EntryIndex{rows_[id.value].index}};
}

std::optional<EntryId> Book::entry_at(const Place& place) const {
  if (const auto prepared = prepared_at_.find(number_of(place)); prepared != prepared_at_.end())
    return EntryId{prepared->second};
  const auto found = back_.find(place.slot);
  if (found == back_.end() || place.index.value >= found->second.size()) return std::nullopt;
  const uint32_t id = found->second[place.index.value];
  return id == kNone ? std::nullopt : std::optional(EntryId{id});
}

void Book::leave(const Leaving& leaving) {
  leaving_.push_back(leaving);
  if (leaving.id) ++leaving_of_[leaving.id->value];
  ++leaving_from_[number_of(leaving.from)];
}

// As many may leave as are disowned, hence all at once.
void Book::disown(std::span<const EntryId> ids) {
  std::unordered_set<uint32_t> disowned;
  for (const EntryId id : ids)
    if (leaving_of_.erase(id.value) != 0) disowned.insert(id.value);
  if (disowned.empty()) return;
  for (Leaving& one : leaving_)
    if (one.id && disowned.contains(one.id->value)) one.id.reset();
}

void Book::emptied(Slot slot) {
  for (Leaving& one : leaving_) one.left |= one.from.slot == slot;
}

bool Book::leaves(Slot slot) const {
  return std::any_of(leaving_.begin(), leaving_.end(),
                     [slot](const Leaving& one) { return one.from.slot == slot; });
}

bool Book::is_leaving(const Place& place) const {
  return leaving_from_.contains(number_of(place));
}

Book::Settled Book::settle(const std::function<Left(Leaving&)>& judge) {
  Settled settled;
  std::erase_if(leaving_, [&](Leaving& one) {
    const Left left = one.left ? Left::yes : judge(one);
    if (left == Left::no) return false;
    if (left == Left::late) ++settled.late;
    if (one.id) count_down(leaving_of_, one.id->value);
    count_down(leaving_from_, number_of(one.from));
    settled.left.push_back(one);
    return true;
  });
  std::unordered_set<uint32_t> seen;
  for (const Leaving& one : settled.left)
    if (one.id && !leaving_of_.contains(one.id->value) && seen.insert(one.id->value).second)
      settled.free.push_back(*one.id);
  return settled;
}

}  // namespace e2k::supervisor
