// Pure. Which lines of which slots' ledgers belong to which entry: the books of names of all slots, living
// and gone, joined.
//
// A line is a slot and an index; it belongs to one (topic, channel, key) for as long as the slot's book
// lives. An entry has a line for each key that it ever had and each worker that ever served it; usually one.
// New lines are given here: the same name gets the same index again, another the slot's next.
//
// It holds no names, but 128 bits of hash for each. 100,000 lines take about 7 MB.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/ids.h"

namespace e2k::supervisor {

// Where an entry is served, or was: a line.
struct Place {
  Slot slot;
  EntryIndex index;
  friend bool operator==(const Place&, const Place&) = default;
};

uint64_t hash_of_text(std::string_view text, uint64_t seed);

// An entry's (topic, channel), in 96 bits of hash; in words, as a row of a million must not be padded.
struct Identity {
  uint32_t high = 0, low = 0, check = 0;
  uint64_t hash() const { return uint64_t{high} << 32 | low; }
  static Identity of(std::string_view topic, std::string_view channel);
  friend bool operator==(const Identity&, const Identity&) = default;
};

class Lines {
public:
  void expect(size_t entries);
  // From a book: `index` means that.
  void learn(Slot slot, EntryIndex index, std::string_view topic, std::string_view channel,
             std::string_view key);
  // The slot gives no index below `next` to a new name.
  void begin_at(Slot slot, uint32_t next);
  // The slot's books begin anew, or are read anew.
  void forget(Slot slot);

  EntryIndex assign(Slot slot, std::string_view topic, std::string_view channel, std::string_view key);
  std::optional<EntryIndex> find(Slot slot, std::string_view topic, std::string_view channel,
                                 std::string_view key) const;
  // Calls `visit(place)` for each line of the entry, whatever its key.
  template <class Visit>
  void each(const Identity& identity, Visit&& visit) const {
    const auto found = first_.find(identity.hash());
    for (uint32_t at = found == first_.end() ? kNone : found->second; at != kNone; at = rows_[at].next)
      if (rows_[at].check == identity.check) visit(Place{Slot{rows_[at].slot}, EntryIndex{rows_[at].index}});
  }
  // Above every index of the slot.
  uint32_t given(Slot slot) const;

private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Row {
    uint32_t check;     // of the identity
    uint32_t key_hash;  // of all three names
    uint32_t index;
    uint32_t next;
    uint16_t slot;
  };
  // The row of that name; kNone.
  uint32_t row_of(Slot slot, const Identity& identity, uint32_t key_hash) const;
  void add(Slot slot, EntryIndex index, const Identity& identity, uint32_t key_hash);

  std::unordered_map<uint64_t, uint32_t> first_;  // identity's hash -> row
  std::vector<Row> rows_;
  std::vector<uint32_t> free_rows_;
  std::map<Slot, uint32_t> next_;
};

}  // namespace e2k::supervisor
