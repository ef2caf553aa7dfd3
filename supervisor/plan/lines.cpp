#include "supervisor/plan/lines.h"

#include <algorithm>

namespace e2k::supervisor {
namespace {

uint32_t hash_of_name(std::string_view topic, std::string_view channel, std::string_view key) {
  uint64_t h = hash_of_text(topic, 0x5a17);
  h = hash_of_text(channel, h);
  return static_cast<uint32_t>(hash_of_text(key, h) >> 32);
}

}  // namespace

// FNV-1a with a final mix.
uint64_t hash_of_text(std::string_view text, uint64_t seed) {
  uint64_t h = 0xcbf29ce484222325u ^ seed;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  h ^= h >> 32;
  return h * 0x9e3779b97f4a7c15u;
}

Identity Identity::of(std::string_view topic, std::string_view channel) {
  const uint64_t hash = hash_of_text(channel, hash_of_text(topic, 0x1d));
  return {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(hash),
          static_cast<uint32_t>(hash_of_text(topic, hash_of_text(channel, 0xc4ec)) >> 32)};
}

uint32_t Lines::row_of(Slot slot, const Identity& identity, uint32_t key_hash) const {
  const auto found = first_.find(identity.hash());
  for (uint32_t at = found == first_.end() ? kNone : found->second; at != kNone; at = rows_[at].next)
    if (rows_[at].slot == slot.value && rows_[at].check == identity.check && rows_[at].key_hash == key_hash)
      return at;
  return kNone;
}

void Lines::add(Slot slot, EntryIndex index, const Identity& identity, uint32_t key_hash) {
  uint32_t& first = first_.try_emplace(identity.hash(), kNone).first->second;
  uint32_t at = static_cast<uint32_t>(rows_.size());
  if (free_rows_.empty()) {
    rows_.emplace_back();
  } else {
    at = free_rows_.back();
    free_rows_.pop_back();
  }
  rows_[at] = Row{identity.check, key_hash, index.value, first, slot.value};
  first = at;
  uint32_t& next = next_[slot];
  next = std::max(next, index.value + 1);
}

void Lines::expect(size_t entries) {
  first_.reserve(entries);
  rows_.reserve(entries);
}

void Lines::learn(Slot slot, EntryIndex index, std::string_view topic, std::string_view channel,
                  std::string_view key) {
  const Identity identity = Identity::of(topic, channel);
  const uint32_t key_hash = hash_of_name(topic, channel, key);
  if (const uint32_t known = row_of(slot, identity, key_hash); known != kNone) {
    rows_[known].index = index.value;
    next_[slot] = std::max(next_[slot], index.value + 1);
  } else {
    add(slot, index, identity, key_hash);
  }
}

void Lines::begin_at(Slot slot, uint32_t next) {
  next_[slot] = std::max(next_[slot], next);
}

void Lines::forget(Slot slot) {
  if (next_.erase(slot) == 0) return;  // most that begin have none
  for (auto entry = first_.begin(); entry != first_.end();) {
    uint32_t* link = &entry->second;
    while (*link != kNone) {
      Row& row = rows_[*link];
      if (row.slot == slot.value) {
        free_rows_.push_back(*link);
        *link = row.next;
      } else {
        link = &row.next;
      }
    }
    entry = entry->second == kNone ? first_.erase(entry) : std::next(entry);
  }
}

EntryIndex Lines::assign(Slot slot, std::string_view topic, std::string_view channel, std::string_view key) {
  const Identity identity = Identity::of(topic, channel);
  const uint32_t key_hash = hash_of_name(topic, channel, key);
  if (const uint32_t known = row_of(slot, identity, key_hash); known != kNone)
    return EntryIndex{rows_[known].index};
  const EntryIndex index{given(slot)};
  add(slot, index, identity, key_hash);
  return index;
}

std::optional<EntryIndex> Lines::find(Slot slot, std::string_view topic, std::string_view channel,
                                      std::string_view key) const {
  const uint32_t known = row_of(slot, Identity::of(topic, channel), hash_of_name(topic, channel, key));
  return known == kNone ? std::nullopt : std::optional(EntryIndex{rows_[known].index});
}

uint32_t Lines::given(Slot slot) const {
  const auto found = next_.find(slot);
  return found == next_.end() ? 0 : found->second;
}

}  // namespace e2k::supervisor
