// Pure. The bad records of the command topic that stand: the newest kRememberedRejections, one a key, each
// until a valid record comes under its key, or the entry is gone that a tombstone misses.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "supervisor/commands/command_state.h"
#include "supervisor/commands/record_place.h"

namespace e2k::supervisor {

class Rejections {
public:
  void add(const RecordPlace& place, std::optional<std::string_view> key, std::string reason,
           std::optional<uint64_t> missed_entry);
  // A valid record came under the key. Of what lies behind it in its partition it says nothing.
  void repaired(const RecordPlace& place, std::string_view key);
  void entry_is_gone(uint64_t entry_hash);
  void forget();

  uint64_t total() const { return total_; }  // ever
  const std::deque<Rejection>& standing() const { return standing_; }

private:
  void erase(std::deque<Rejection>::iterator at);

  uint64_t total_ = 0;
  std::deque<Rejection> standing_;
  std::unordered_set<uint64_t> keys_;  // hashes of their keys: most records are under none of them
  size_t missing_ = 0;                 // tombstones among them that miss an entry
};

}  // namespace e2k::supervisor
