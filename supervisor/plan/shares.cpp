#include "supervisor/plan/shares.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace e2k::supervisor {
namespace {

uint64_t attributes_of(const EntryRef& e) {
  return hash_of_text(e.key, e.mask.bits);
}

AddEntry add_item(EntryIndex index, const EntryRef& e) {
  AddEntry add;
  add.index = index;
  add.entry = EntrySpec{std::string(e.topic), std::string(e.channel), e.mask, std::string(e.key)};
  add.never_connected_published = e.never_connected_published;
  add.was_connected = e.was_connected;
  add.disconnected_published = e.disconnected_published;
  return add;
}

}  // namespace

Shares::Shares(std::vector<Slot> workers, Affinity affinity)
    : slots_(std::move(workers)), affinity_(affinity) {
  assert(!slots_.empty());
  std::sort(slots_.begin(), slots_.end());
  for (Slot slot : slots_) workers_[slot];
}

Shares::Row& Shares::row(EntryId id) {
  if (id.value >= rows_.size()) rows_.resize(std::max<size_t>(id.value + 1, rows_.size() + rows_.size() / 4));
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
      channels_[found->second].bar = barred->second;
  }
  Channel& channel = channels_[found->second];
  Row& r = row(id);
  r = Row{Identity::of(entry.topic, entry.channel), false, attributes_of(entry), found->second,
          channel.first};
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
    channel_of_name_.erase(channel.name_hash);
    free_channels_.push_back(r.channel);
  }
  r = Row{};
  book_.withdraw(id);
}

Shares::Orders Shares::reconcile(const CommandState& state, std::span<const EntryId> dirty,
                                 const Asking& ask) {
  Orders orders;
  std::vector<EntryId> added, changed;
  for (EntryId id : dirty) {
    take(id, state, orders, added);
    if (rows_[id.value].changed) changed.push_back(id);
  }
  if (!taken_over_.empty()) {
    for (EntryId id : added) {
      // A later entry of the list may have taken the id.
      if (const auto wanted = state.find(id);
          wanted && rows_[id.value].channel != kNone && bar(id) == Bar::none)
        claim(id, *wanted, orders);
      if (rows_[id.value].changed) changed.push_back(id);
    }
  }
  for (EntryId id : std::exchange(freed_, {}))
    if (id.value < rows_.size() && rows_[id.value].channel != kNone && !place(id)) added.push_back(id);
  for (EntryId id : added) bring_home(id, ask);
  if (moves_put_off_ || !place_evenly(added, state)) even_out(state, ask, orders);
  for (EntryId id : changed) {
    Row& r = rows_[id.value];
    const auto before = place(id);
    if (!std::exchange(r.changed, false) || !before) continue;  // moved, hence held
    AddEntry add = hand_out(id, *state.find(id));
    add.replaces = before->index;
    orders.items[before->slot].push_back(std::move(add));
  }
  for (EntryId id : added)
    if (const auto wanted = state.find(id); wanted && !place(id) && bar(id) == Bar::none)
      place_new(id, *wanted, ask, orders);
  return orders;
}

// One entry's command, as far as it goes without the planner.
void Shares::take(EntryId id, const CommandState& state, Orders& orders, std::vector<EntryId>& added) {
  const auto wanted = state.find(id);
  Row& known = row(id);
  if (known.channel != kNone) {
    const bool same = wanted && known.identity == Identity::of(wanted->topic, wanted->channel);
    if (same) {
      if (known.attributes == attributes_of(*wanted)) return;
      known.attributes = attributes_of(*wanted);
      known.changed = place(id).has_value();  // held: release() hands out what is then commanded
      return;
    }
    // An id of an entry that is gone may be another's by now.
    if (const auto before = place(id)) orders.items[before->slot].push_back(RemoveEntry{before->index});
    unlink(id);
  }
  if (!wanted) return;
  link(id, *wanted);
  added.push_back(id);
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
  for (const Place& at : served) {
    const uint8_t mask = std::exchange(taken_over_[at.slot][at.index.value], uint8_t{0});
    if (channel.slot == kNoSlot) put_at(channel, at.slot);
    if (place(id) || channel.slot != at.slot.value) {
      orders.items[at.slot].push_back(RemoveEntry{at.index});
      if (!place(id)) orders.departures.push_back({id, at, true});
      continue;
    }
    book_.serve(id, at);
    r.changed = mask != entry.mask.bits || !is_the_key_s(at);
  }
}

Shares::Orders Shares::take_over(Slot slot, std::vector<uint8_t> masks, const CommandState& state) {
  Orders orders;
  std::vector<EntryId> known;
  book_.each_of(slot, [&](EntryId id, EntryIndex) { known.push_back(id); });
  for (const EntryId id : known) {
    const auto entry = state.find(id);
    const EntryIndex index = place(id)->index;
    const uint8_t mask = index.value < masks.size() ? std::exchange(masks[index.value], uint8_t{0}) : 0;
    if (!entry || rows_[id.value].identity != Identity::of(entry->topic, entry->channel)) {
      // It is about to be removed.
      if (mask != 0) masks[index.value] = mask;
      book_.withdraw(id);
    } else if (mask != entry->mask.bits) {
      AddEntry add = hand_out(id, *entry);
      if (mask != 0) add.replaces = index;
      orders.items[slot].push_back(std::move(add));
    }
  }
  taken_over_[slot] = std::move(masks);
  return orders;
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
  if (rows_[id.value].channel == kNone) return;
  Channel& channel = channels_[rows_[id.value].channel];
  if (channel.slot != kNoSlot || channel.bar == Bar::quarantined) return;
  std::optional<Slot> served, waits;
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next)
    lines_.each(rows_[e].identity, [&](const Place& place) {
      if (!workers_.contains(place.slot)) return;
      if (!served) served = place.slot;
      if (!waits && ask.waits(place)) waits = place.slot;
    });
  if (const auto home = waits ? waits : served) put_at(channel, *home);
}

// Gives an entry that is new to its worker, unless events of it wait elsewhere.
void Shares::place_new(EntryId id, const EntryRef& entry, const Asking& ask, Orders& orders) {
  const Slot slot{channels_[rows_[id.value].channel].slot};
  const size_t before = orders.departures.size();
  lines_.each(rows_[id.value].identity, [&](const Place& place) {
    if (place.slot != slot && (ask.waits(place) || book_.is_leaving(place)))
      orders.departures.push_back({id, place, true});
  });
  if (orders.departures.size() == before) orders.items[slot].push_back(hand_out(id, entry));
}

void Shares::put_at(Channel& channel, Slot slot) {
  channel.slot = slot.value;
  ++workers_[slot].channels;
  workers_[slot].entries += channel.entries;
}

// What is new goes where the planner would put it; false: others are to be moved, too, so that it is its
// turn.
bool Shares::place_evenly(std::span<const EntryId> added, const CommandState& state) {
  if (affinity_ != Affinity::none) return false;
  std::vector<std::pair<std::string_view, uint32_t>> fresh;
  for (const EntryId id : added) {
    const uint32_t number = rows_[id.value].channel;
    if (number == kNone || channels_[number].slot != kNoSlot) continue;
    if (channels_[number].bar == Bar::quarantined) continue;  // it counts for nobody
    if (const auto entry = state.find(id)) fresh.emplace_back(entry->channel, number);
  }
  std::ranges::sort(fresh);
  const auto repeats = std::ranges::unique(fresh);
  fresh.erase(repeats.begin(), repeats.end());
  std::map<Slot, size_t> held;
  size_t channels = fresh.size();
  for (const Slot slot : slots_) channels += held[slot] = workers_[slot].channels;
  if (channels != channel_of_name_.size()) return false;  // one is held by nobody of the fleet
  const auto places = places_of_new(fresh.size(), held);
  if (!places) return false;
  for (size_t i = 0; i < fresh.size(); ++i) put_at(channels_[fresh[i].second], (*places)[i]);
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
  moves_put_off_ = false;
  for (const Move& move : plan(planned, slots_, affinity_)) {
    const Channel& channel = channels_[numbers[move.channel]];
    if (channel.bar == Bar::withheld && channel.slot != kNoSlot) {
      moves_put_off_ = true;
    } else if (is_stuck(channel, ask)) {
      moves_put_off_ = true;
    } else {
      move_channel(numbers[move.channel], move.to, orders);
    }
  }
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

void Shares::move_channel(uint32_t number, Slot to, Orders& orders) {
  Channel& channel = channels_[number];
  if (channel.slot != kNoSlot) {
    const Slot from{channel.slot};
    for (uint32_t e = channel.first; e != kNone; e = rows_[e].next) {
      const auto at = place(EntryId{e});
      if (!at) continue;
      orders.items[from].push_back(RemoveEntry{at->index});
      orders.departures.push_back({EntryId{e}, *at, rows_[e].changed});
      book_.withdraw(EntryId{e});
    }
    --workers_[from].channels;
    workers_[from].entries -= channel.entries;
  }
  put_at(channel, to);
}

AddEntry Shares::hand_out(EntryId id, const EntryRef& entry) {
  Row& r = rows_[id.value];
  const Slot slot{channels_[r.channel].slot};
  const EntryIndex index = lines_.assign(slot, entry.topic, entry.channel, entry.key);
  book_.serve(id, {slot, index});
  r.attributes = attributes_of(entry);  // they may have changed since it was put into the book
  return add_item(index, entry);
}

std::vector<AssignItem> Shares::serve_anew(Slot slot, const CommandState& state) {
  std::vector<EntryId> served;
  book_.each_of(slot, [&](EntryId id, EntryIndex) { served.push_back(id); });
  std::vector<AssignItem> items;
  for (const EntryId id : served) {
    const auto entry = state.find(id);
    if (entry && rows_[id.value].identity == Identity::of(entry->topic, entry->channel)) {
      items.push_back(hand_out(id, *entry));
    } else {
      book_.withdraw(id);  // it is about to be removed, and the worker does not know it
    }
  }
  return items;
}

std::optional<std::pair<Slot, AddEntry>> Shares::release(EntryId id, const CommandState& state) {
  if (id.value >= rows_.size()) return std::nullopt;
  const Row& r = rows_[id.value];
  const auto entry = state.find(id);
  if (r.channel == kNone || place(id) || !entry || bar(id) != Bar::none) return std::nullopt;
  const Slot slot{channels_[r.channel].slot};
  return std::pair{slot, hand_out(id, *entry)};
}

void Shares::renew(EntryId id, const CommandState& state, Orders& orders) {
  const auto at = place(id);
  const auto entry = state.find(id);
  if (!at || !entry) return;
  auto& items = orders.items[at->slot];
  items.push_back(RemoveEntry{at->index});
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
  channel.bar = bar;
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next) {
    if (bar == Bar::none) {
      freed_.push_back(EntryId{e});
    } else if (const auto at = place(EntryId{e})) {
      orders.items[at->slot].push_back(RemoveEntry{at->index});
      book_.withdraw(EntryId{e});
    }
  }
  if (bar != Bar::quarantined || channel.slot == kNoSlot) return;
  Worker& worker = workers_[Slot{channel.slot}];
  --worker.channels;
  worker.entries -= channel.entries;
  channel.slot = kNoSlot;
}

Bar Shares::bar(EntryId id) const {
  if (barred_.empty() || id.value >= rows_.size() || rows_[id.value].channel == kNone) return Bar::none;
  return channels_[rows_[id.value].channel].bar;
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

size_t Shares::entries(Slot slot) const {
  auto found = workers_.find(slot);
  return found == workers_.end() ? 0 : found->second.entries;
}

}  // namespace e2k::supervisor
