#include "supervisor/plan/shares.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace e2k::supervisor {
namespace {

uint64_t hash_of(std::string_view text, uint64_t seed) {
  // FNV-1a with a final mix. Two channels of equal hash would merely be planned as one.
  uint64_t h = 0xcbf29ce484222325u ^ seed;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  h ^= h >> 32;
  return h * 0x9e3779b97f4a7c15u;
}

uint64_t command_hash(const EntryRef& e) {
  uint64_t h = hash_of(e.topic, e.mask.bits);
  h = hash_of(e.channel, h);
  return hash_of(e.key, h);
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
  const uint64_t name = hash_of(entry.channel, 0);
  auto [found, is_new] = channel_of_name_.try_emplace(name, kNone);
  if (is_new) {
    if (free_channels_.empty()) {
      free_channels_.push_back(static_cast<uint32_t>(channels_.size()));
      channels_.emplace_back();
    }
    found->second = free_channels_.back();
    free_channels_.pop_back();
    channels_[found->second] = Channel{name};
  }
  Channel& channel = channels_[found->second];
  Row& r = row(id);
  r = Row{command_hash(entry), found->second, channel.first, kNone};
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
}

Shares::Orders Shares::reconcile(const CommandState& state, std::span<const EntryId> dirty,
                                 const Stuck& stuck) {
  Orders orders;
  std::vector<std::pair<EntryId, std::optional<Place>>>
      added;  // with where an earlier command of it was served
  for (EntryId id : dirty) {
    const auto wanted = state.find(id);
    Row& known = row(id);
    const bool in_book = known.channel != kNone;
    if (in_book && wanted && known.command_hash == command_hash(*wanted)) continue;
    std::optional<Place> before = place(id);
    if (before) orders.items[before->slot].push_back(RemoveEntry{before->index});
    if (in_book && wanted && channels_[known.channel].name_hash == hash_of(wanted->channel, 0)) {
      known.command_hash = command_hash(*wanted);  // the channel stays, and with it the worker
      if (!before) continue;                       // held: release() will hand out what is then commanded
      known.index = kNone;
    } else {
      if (in_book) unlink(id);
      if (!wanted) continue;
      link(id, *wanted);
    }
    added.emplace_back(id, before);
  }
  even_out(state, stuck, orders);
  for (auto& [id, before] : added) {
    const auto wanted = state.find(id);
    if (!wanted || rows_[id.value].index != kNone) continue;
    const Slot slot{channels_[rows_[id.value].channel].slot};
    if (before && before->slot != slot) {
      orders.departures.push_back({id, *before, true});
    } else {
      orders.items[slot].push_back(hand_out(id, *wanted));
    }
  }
  return orders;
}

void Shares::even_out(const CommandState& state, const Stuck& stuck, Orders& orders) {
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
    planned.push_back(p);
    numbers.push_back(n);
  }
  for (const Move& move : plan(planned, slots_, affinity_))
    if (!is_stuck(channels_[numbers[move.channel]], stuck))
      move_channel(numbers[move.channel], move.to, orders);
}

bool Shares::is_stuck(const Channel& channel, const Stuck& stuck) const {
  if (channel.slot == kNoSlot) return false;
  for (uint32_t e = channel.first; e != kNone; e = rows_[e].next)
    if (rows_[e].index != kNone && stuck({Slot{channel.slot}, EntryIndex{rows_[e].index}})) return true;
  return false;
}

void Shares::move_channel(uint32_t number, Slot to, Orders& orders) {
  Channel& channel = channels_[number];
  if (channel.slot != kNoSlot) {
    const Slot from{channel.slot};
    for (uint32_t e = channel.first; e != kNone; e = rows_[e].next) {
      Row& r = rows_[e];
      if (r.index == kNone) continue;
      orders.items[from].push_back(RemoveEntry{EntryIndex{r.index}});
      orders.departures.push_back({EntryId{e}, Place{from, EntryIndex{r.index}}});
      r.index = kNone;
    }
    --workers_[from].channels;
    workers_[from].entries -= channel.entries;
  }
  channel.slot = to.value;
  ++workers_[to].channels;
  workers_[to].entries += channel.entries;
}

AddEntry Shares::hand_out(EntryId id, const EntryRef& entry) {
  Row& r = rows_[id.value];
  r.index = workers_[Slot{channels_[r.channel].slot}].next_index++;
  r.command_hash = command_hash(entry);  // it may have changed since it was put into the book
  return add_item(EntryIndex{r.index}, entry);
}

std::vector<AssignItem> Shares::serve_anew(Slot slot, const CommandState& state) {
  std::vector<AssignItem> items;
  workers_[slot].next_index = 0;
  for (const Channel& channel : channels_) {
    if (channel.entries == 0 || channel.slot != slot.value) continue;
    for (uint32_t e = channel.first; e != kNone; e = rows_[e].next) {
      if (rows_[e].index == kNone) continue;
      if (auto entry = state.find(EntryId{e})) {
        items.push_back(hand_out(EntryId{e}, *entry));
      } else {
        rows_[e].index = kNone;  // it is about to be removed; its old index means another entry by now
        rows_[e].command_hash = 0;
      }
    }
  }
  return items;
}

std::optional<std::pair<Slot, AddEntry>> Shares::release(EntryId id, const CommandState& state) {
  if (id.value >= rows_.size()) return std::nullopt;
  const Row& r = rows_[id.value];
  const auto entry = state.find(id);
  if (r.channel == kNone || r.index != kNone || !entry) return std::nullopt;
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

bool Shares::set_host(EntryId id, uint32_t host) {
  if (id.value >= rows_.size() || rows_[id.value].channel == kNone) return false;
  return std::exchange(channels_[rows_[id.value].channel].host, host) != host;
}

std::optional<Place> Shares::place(EntryId id) const {
  if (id.value >= rows_.size()) return std::nullopt;
  const Row& r = rows_[id.value];
  if (r.channel == kNone || r.index == kNone) return std::nullopt;
  return Place{Slot{channels_[r.channel].slot}, EntryIndex{r.index}};
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

uint32_t Shares::indices_given(Slot slot) const {
  auto found = workers_.find(slot);
  return found == workers_.end() ? 0 : found->second.next_index;
}

size_t Shares::entries(Slot slot) const {
  auto found = workers_.find(slot);
  return found == workers_.end() ? 0 : found->second.entries;
}

}  // namespace e2k::supervisor
