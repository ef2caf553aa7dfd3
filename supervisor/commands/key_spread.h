// Pure. Keys with records in several partitions of the command topic: which of these records counts.
//
// A key belongs in one partition, but where partitions were added, clients write it to another one than
// before. Compaction keeps a record in each. The one with the latest time stamp counts, then that of the
// highest partition; within a partition the last one. Nothing is kept while the topic has a single partition;
// then, of each key that is in several, what its last record in each is, and of each that ended, where.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "supervisor/commands/command_state.h"
#include "supervisor/commands/record_place.h"

namespace e2k::supervisor {

class KeySpread {
public:
  // A valid record came: a command, or (`is_set` false) a tombstone. `standing`: the record by which its key
  // stands, if it does. Whether the record counts.
  bool counts(std::string_view key, const RecordPlace& record, bool is_set,
              const std::optional<RecordPlace>& standing);
  // A log begins, and nothing of another counts any more.
  void begin(bool has_several_partitions);
  // Partitions were added.
  void expect_several() { several_ = true; }
  bool expects_several() const { return several_; }

  size_t split() const { return split_; }
  std::optional<CommandState::SplitKey> example() const;

private:
  struct Last {
    int64_t timestamp_ms, offset;
    bool is_set;
  };
  using Partitions = std::map<int32_t, Last>;
  static bool is_split(const Partitions& partitions);
  Partitions* of(std::string_view key, const RecordPlace& record, const std::optional<RecordPlace>& standing);

  std::optional<int32_t> only_partition_;  // while there is but one
  bool several_ = false;
  std::unordered_map<std::string, Partitions> spread_;
  std::unordered_map<std::string, RecordPlace> ended_;  // by a tombstone, in the only partition that had them
  size_t split_ = 0;
};

}  // namespace e2k::supervisor
