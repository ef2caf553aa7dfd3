#include "supervisor/plan/shares.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

#include "supervisor/plan/add_item.h"

namespace e2k::supervisor {
namespace {

// The next of the list, behind those that are done: at most as many as are left.
std::span<const EntryId> next_of(const std::vector<EntryId>& list, size_t& done, size_t& left) {
  const std::span<const EntryId> next = std::span(list).subspan(done, std::min(left, list.size() - done));
  done += next.size();
  left -= next.size();
  return next;
}

}  // namespace

Shares::Shares(std::vector<Slot> workers, Affinity affinity)
    : slots_(std::move(workers)), affinity_(affinity) {
  assert(!slots_.empty());
  std::sort(slots_.begin(), slots_.end());
  for (Slot slot : slots_) workers_[slot];
}

void Shares::expect(size_t entries) {
  rows_.reserve(entries);
  channels_.reserve(entries);
  channel_of_name_.reserve(entries);
  lines_.expect(entries);
  book_.expect(entries);
}

Shares::Row& Shares::row(EntryId id) {
  if (id.value >= rows_.size()) rows_.resize(id.value + 1);
  return rows_[id.value];
}

void Shares::link(EntryId id, const EntryRef& entry) {
  const uint64_t name = hash_of_text(entry.channel, 0);
  auto [found, is_new] = channel_of_name_.try_emplace(name, kNone);
  if (is_new) {
    if (free_channels_.empty()) {
      free_channels_.push_back(static_cast<uint32_t>(channels_.size()));
      channels_.emplace_back();
    }
    found->second = free_channels_.back();
    free_channels_.pop_back();
    channels_[found->second] = Channel{name};
    if (const auto barred = barred_.find(name); barred != barred_.end())
      set_bar(channels_[found->second], barred->second);
  }
  Channel& channel = channels_[found->second];
  Row& r = row(id);
  r = Row{Identity::of(entry.topic, entry.channel), attributes_of(entry), found->second, channel.first};
  channel.first = id.value;
  ++channel.entries;
  if (channel.slot != kNoSlot) ++workers_[Slot{channel.slot}].entries;
}

void Shares::unlink(EntryId id) {
  Row& r = rows_[id.value];
  Channel& channel = channels_[r.channel];
  uint32_t* link = &channel.first;
  while (*link != id.value) link = &rows_[*link].next;
  *link = r.next;
  --channel.entries;
  if (channel.slot != kNoSlot) {
    Worker& worker = workers_[Slot{channel.slot}];
    --worker.entries;
    if (channel.entries == 0) --worker.channels;
  }
  if (channel.entries == 0) {
    set_homeless(channel, false);
    set_bar(channel, Bar::none);
    channel_of_name_.erase(channel.name_hash);
    free_channels_.push_back(r.channel);
  }
  r = Row{};
  book_.withdraw(id);
}

Shares::Orders Shares::reconcile(const CommandState& state, const Asking& ask, size_t most) {
  Orders orders;
  if (!std::exchange(in_round_, true)) has_room_ = false;
  for (const EntryId id : std::exchange(freed_, {}))
    if (is_linked(id) && !place(id)) added_.push_back(id);
  size_t left = most;
  std::vector<EntryId> gone;
  for (const EntryId id : next_of(touched_, taken_, left)) {
    if (take(id, state, orders)) gone.push_back(id);
    orders.seen.push_back(id);
  }
  book_.disown(gone);
  if (taken_ < touched_.size()) return orders;
  touched_ = {};
  taken_ = 0;
  for (const EntryId id : next_of(added_, brought_home_, left)) bring_home(id, ask);
  if (brought_home_ < added_.size()) return orders;
  if (!make_room(state, ask, left, orders)) return orders;
  for (const EntryId id : next_of(changed_, changed_out_, left)) {
    renew_on_its_worker(id, state, orders);
    orders.seen.push_back(id);
  }
  hand_out_added(next_of(added_, handed_out_, left), state, ask, orders);
  if (changed_out_ == changed_.size() && handed_out_ == added_.size()) end_round();
  return orders;
}

void Shares::hand_out_added(std::span<const EntryId> slice, const CommandState& state, const Asking& ask,
                            Orders& orders) {
  place_evenly(slice, state);
  for (const EntryId id : slice) {
    const auto wanted = linked(id, state);
    if (wanted && !place(id) && bar(id) == Bar::none) place_new(id, *wanted, ask, orders);
    orders.seen.push_back(id);
  }
}

void Shares::end_round() {
  in_round_ = false;
  added_ = {};
  changed_ = {};
  brought_home_ = handed_out_ = changed_out_ = 0;
}

std::optional<EntryRef> Shares::linked(EntryId id, const CommandState& state) const {
  if (!is_linked(id)) return std::nullopt;
  auto entry = state.find(id);
  if (entry && rows_[id.value].identity != Identity::of(entry->topic, entry->channel)) entry.reset();
  return entry;
}

// An entry that is served, and whose mask or key has changed.
void Shares::renew_on_its_worker(EntryId id, const CommandState& state, Orders& orders) {
  if (!is_linked(id)) return;
  Row& r = rows_[id.value];
  const auto before = place(id);
  const bool is_changed = std::exchange(r.changed, false);
  if (!before) return;
  // A fresh worker was told meanwhile; whether it is where it belongs was not looked at.
  if (!is_changed && owner(id) != before->slot) touch(id);
  if (!is_changed) return;
  const auto wanted = linked(id, state);
  if (!wanted) return;  // it was touched again
  if (book_.is_under_way(id)) {
    r.stale = true;
    orders.put_off.push_back(id);
    return;
  }
  const auto home = owner(id);
  const bool is_elsewhere = home && before->slot != *home;
  if (is_elsewhere && may_go_to(*home)) {
    r.changed = true;  // it is an earlier command that is served there
    return hand_over(id, *home, state, orders);
  }
  if (is_elsewhere) strand(id);
  const bool is_new_there = r.untold;
  AddEntry add = is_elsewhere ? serve_again(id, *wanted) : hand_out(id, *wanted);
  if (!is_new_there) add.replaces = before->index;
  orders.items[before->slot].push_back(std::move(add));
}

// Served elsewhere than its channel is, where nobody goes: its channel will leave that slot, or it open
// again.
void Shares::strand(EntryId id) {
  stranded_.push_back(id);
  moves_put_off_ = true;
}

// Where it is served and where it is prepared.
void Shares::remove_from_workers(EntryId id, Orders& orders) {
  const auto at = place(id);
  if (at && !std::exchange(rows_[id.value].untold, false)) {
    auto& items = orders.items[at->slot];
    // What it received is not lost, wherever the worker before has got to.
    if (book_.is_held(id)) items.push_back(ReleaseEntry{at->index});
    items.push_back(RemoveEntry{at->index});
  }
  if (const auto second = book_.preparing(id))
    orders.items[second->slot].push_back(RemoveEntry{second->index});
}

// One entry's command, as far as it goes without the planner; true: what the id stood for is gone.
bool Shares::take(EntryId id, const CommandState& state, Orders& orders) {
  const auto wanted = state.find(id);
  const bool was_known = row(id).channel != kNone;
  if (was_known) {
    if (wanted && rows_[id.value].identity == Identity::of(wanted->topic, wanted->channel)) {
      take_again(id, *wanted, state, orders);
      return false;
    }
    // An id of an entry that is gone may be another's by now.
    remove_from_workers(id, orders);
    unlink(id);
  }
  if (!wanted) return was_known;
  link(id, *wanted);
  if (!taken_over_.empty() && bar(id) == Bar::none) claim(id, *wanted, orders);
  if (rows_[id.value].changed) changed_.push_back(id);
  added_.push_back(id);
  return was_known;
}

// One that is in the book: its mask or key may have changed, or where it is to be.
void Shares::take_again(EntryId id, const EntryRef& wanted, const CommandState& state, Orders& orders) {
  Row& r = rows_[id.value];
  const auto at = place(id);
  // Given to nobody: release() hands out what is then commanded, or it could be released while it was about
  // to be removed.
  if (!at && book_.state(id) == Serving::unserved) added_.push_back(id);
  if (std::exchange(r.stale, false) || r.attributes != attributes_of(wanted)) {
    r.attributes = attributes_of(wanted);
    r.changed = at.has_value();
    if (r.changed) changed_.push_back(id);
    return;
  }
  // What a handover that was given up has left elsewhere.
  const auto to = book_.preparing(id);
  const auto home = owner(id);
  const bool is_elsewhere = home && ((at && at->slot != *home) || (to && to->slot != *home));
  if (!is_elsewhere) return;
  if (book_.is_under_way(id))
    return orders.put_off.push_back(id);  // it comes back, or stays, when it has arrived
  if (!may_go_to(*home)) return strand(id);
  hand_over(id, *home, state, orders);
}

// Where a worker that was taken over serves the entry, it is served. Under another mask or key it has
// changed; what serves it in a second place, or where its channel is not, ends.
void Shares::claim(EntryId id, const EntryRef& entry, Orders& orders) {
  Row& r = rows_[id.value];
  Channel& channel = channels_[r.channel];
  std::vector<Place> served;
  lines_.each(r.identity, [&](const Place& at) {
    const auto found = taken_over_.find(at.slot);
    if (found == taken_over_.end() || at.index.value >= found->second.size()) return;
    if (found->second[at.index.value] != 0) served.push_back(at);
  });
  const auto is_the_key_s = [&](const Place& at) {
    return lines_.find(at.slot, entry.topic, entry.channel, entry.key) == at.index;
  };
  std::stable_partition(served.begin(), served.end(), is_the_key_s);
  std::stable_partition(served.begin(), served.end(), [&](const Place& at) {
    return (taken_over_[at.slot][at.index.value] & kHeldBit) == 0;
  });
  for (const Place& at : served) {
    const uint8_t taken = std::exchange(taken_over_[at.slot][at.index.value], uint8_t{0});
    const uint8_t mask = taken & static_cast<uint8_t>(~kHeldBit);
    const bool is_held = taken != mask;
    if (channel.slot == kNoSlot) put_at(channel, at.slot);
    if (place(id) || channel.slot != at.slot.value) {
      if (is_held && !place(id)) orders.items[at.slot].push_back(ReleaseEntry{at.index});
      orders.items[at.slot].push_back(RemoveEntry{at.index});
      if (!place(id)) orders.departures.push_back({id, at, true});
      continue;
    }
    book_.serve(id, at);
    r.changed = mask != entry.mask.bits || !is_the_key_s(at);
    if (is_held) go_on_holding(id, at, orders);
  }
}

// It had gone over, and nobody knows whether its old worker's last event is out.
void Shares::go_on_holding(EntryId id, const Place& at, Orders& orders) {
  bool has_others = false;
  lines_.each(rows_[id.value].identity, [&](const Place& other) {
    if (other == at) return;
    orders.departures.push_back({id, other, true});
    has_others = true;
  });
  if (has_others) return book_.hold(id);
  orders.items[at.slot].push_back(ReleaseEntry{at.index});
}

bool Shares::has_taken_over(Slot slot) const {
  const auto found = taken_over_.find(slot);
  return found != taken_over_.end() &&
         std::ranges::any_of(found->second, [](uint8_t mask) { return mask != 0; });
}

Shares::Orders Shares::drop_unclaimed() {
  Orders orders;
  for (const auto& [slot, masks] : taken_over_)
    for (uint32_t i = 0; i < masks.size(); ++i)
      if (masks[i] != 0) orders.items[slot].push_back(RemoveEntry{EntryIndex{i}});
  taken_over_.clear();
  return orders;
}

// A channel that nobody holds is best where events of its entries wait, else where an entry of it was served
// before.
void Shares::bring_home(EntryId id, const Asking& ask) {
  if (!is_linked(id)) return;
  Channel& channel = channels_[rows_[id.value].channel];
  if (channel.slot != kNoSlot || channel.bar == Bar::quarantined) return;
  std::optional<Slot> served, waits, held;
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next)
    lines_.each(rows_[e].identity, [&](const Place& place) {
      if (!is_open(place.slot)) return;
      if (!served) served = place.slot;
      if (!waits && ask.waits(place)) waits = place.slot;
      if (!held && ask.held(place)) held = place.slot;
    });
  if (const auto home = held ? held : waits ? waits : served) return put_at(channel, *home);
  set_homeless(channel, true);
}

// Gives an entry that is new to its worker: held where events of it wait elsewhere, beyond kMostHeld not yet.
void Shares::place_new(EntryId id, const EntryRef& entry, const Asking& ask, Orders& orders) {
  const Slot slot{channels_[rows_[id.value].channel].slot};
  const size_t before = orders.departures.size();
  // What it holds from a handover that nobody remembers goes out from behind what the others published.
  bool is_held = false;
  lines_.each(rows_[id.value].identity,
              [&](const Place& place) { is_held |= place.slot == slot && ask.held(place); });
  lines_.each(rows_[id.value].identity, [&](const Place& place) {
    if (place.slot != slot && (is_held || ask.waits(place) || book_.is_leaving(place)))
      orders.departures.push_back({id, place, true});
  });
  const bool is_free = orders.departures.size() == before;
  if (!is_free && held_at(slot) >= kMostHeld) return;
  AddEntry add = hand_out(id, entry);
  if (!is_free) book_.hold(id);
  add.held = add.unserved = !is_free;
  orders.items[slot].push_back(std::move(add));
}

size_t Shares::held_at(Slot slot) const {
  size_t held = 0;
  book_.each_held([&](EntryId id) { held += place(id) && place(id)->slot == slot; });
  return held;
}

void Shares::set_homeless(Channel& channel, bool homeless) {
  if (channel.homeless == homeless) return;
  channel.homeless = homeless;
  homeless ? ++homeless_ : --homeless_;
}

void Shares::set_bar(Channel& channel, Bar bar) {
  quarantined_ += bar == Bar::quarantined ? 1 : 0;
  quarantined_ -= channel.bar == Bar::quarantined ? 1 : 0;
  channel.bar = bar;
}

void Shares::put_at(Channel& channel, Slot slot) {
  set_homeless(channel, false);
  channel.slot = slot.value;
  ++workers_[slot].channels;
  workers_[slot].entries += channel.entries;
}

AddEntry Shares::hand_out(EntryId id, const EntryRef& entry) {
  Row& r = rows_[id.value];
  const Slot slot{channels_[r.channel].slot};
  const EntryIndex index = lines_.assign(slot, entry.topic, entry.channel, entry.key);
  const auto at = place(id);
  if (!at || *at != Place{slot, index}) book_.serve(id, {slot, index});
  r.attributes = attributes_of(entry);  // they may have changed since it was put into the book
  r.changed = r.untold = r.renewed = r.stale = false;
  return add_item(index, entry);
}

std::optional<std::pair<Slot, AddEntry>> Shares::release(EntryId id, const CommandState& state) {
  if (id.value >= rows_.size()) return std::nullopt;
  const Row& r = rows_[id.value];
  const auto entry = state.find(id);
  if (r.channel == kNone || place(id) || !entry || bar(id) != Bar::none) return std::nullopt;
  const Slot slot{channels_[r.channel].slot};
  if (slot.value == kNoSlot) return std::nullopt;  // a round is about to find it one
  return std::pair{slot, hand_out(id, *entry)};
}

void Shares::renew(EntryId id, const CommandState& state, Orders& orders) {
  const auto at = place(id);
  const auto entry = state.find(id);
  if (!at || !entry || book_.is_under_way(id) || owner(id) != at->slot) return;
  auto& items = orders.items[at->slot];
  if (!rows_[id.value].untold) items.push_back(RemoveEntry{at->index});
  items.push_back(hand_out(id, *entry));
}

void Shares::bar(std::string_view name, Bar bar, Orders& orders) {
  const uint64_t hash = hash_of_text(name, 0);
  if (bar == Bar::none) {
    barred_.erase(hash);
  } else {
    barred_[hash] = bar;
  }
  const auto found = channel_of_name_.find(hash);
  if (found == channel_of_name_.end()) return;
  Channel& channel = channels_[found->second];
  set_bar(channel, bar);
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next) {
    if (bar == Bar::none) {
      freed_.push_back(EntryId{e});
    } else {
      remove_from_workers(EntryId{e}, orders);
      book_.withdraw(EntryId{e});
    }
  }
  if (bar != Bar::quarantined) return;
  leave_slot(channel);
  set_homeless(channel, false);
}

Bar Shares::bar(EntryId id) const {
  if (barred_.empty() || id.value >= rows_.size() || rows_[id.value].channel == kNone) return Bar::none;
  return channels_[rows_[id.value].channel].bar;
}

bool Shares::is_this(const EntryRef& entry) const {
  if (!is_linked(entry.id)) return false;
  const Row& r = rows_[entry.id.value];
  const bool is_earlier = r.renewed && book_.preparing(entry.id);
  return !is_earlier && r.is_as(attributes_of(entry)) &&
         r.identity == Identity::of(entry.topic, entry.channel);
}

bool Shares::is_renewed(EntryId id) const {
  return is_linked(id) && rows_[id.value].renewed;
}

bool Shares::set_host(EntryId id, uint32_t host) {
  if (id.value >= rows_.size() || rows_[id.value].channel == kNone) return false;
  return std::exchange(channels_[rows_[id.value].channel].host, host) != host;
}

std::optional<Slot> Shares::owner(EntryId id) const {
  if (id.value >= rows_.size() || rows_[id.value].channel == kNone) return std::nullopt;
  const uint16_t slot = channels_[rows_[id.value].channel].slot;
  if (slot == kNoSlot) return std::nullopt;
  return Slot{slot};
}

size_t Shares::channels(Slot slot) const {
  auto found = workers_.find(slot);
  return found == workers_.end() ? 0 : found->second.channels;
}

size_t Shares::moving(Slot slot) const {
  std::set<uint32_t> moving;
  for (const Book::Leaving& one : book_.leaving())
    if (one.id && owner(*one.id) == slot) moving.insert(one.id->value);
  book_.each_preparing([&](EntryId id, Place place) {
    if (place.slot == slot) moving.insert(id.value);
  });
  book_.each_held([&](EntryId id) {
    if (owner(id) == slot) moving.insert(id.value);
  });
  return moving.size() + static_cast<size_t>(std::count_if(moves_.begin(), moves_.end(),
                                                           [slot](const Wanted& w) { return w.to == slot; }));
}

size_t Shares::entries(Slot slot) const {
  auto found = workers_.find(slot);
  return found == workers_.end() ? 0 : found->second.entries;
}

}  // namespace e2k::supervisor
