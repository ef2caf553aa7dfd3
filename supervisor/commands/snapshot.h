// Shell. The command state on disk, so that a start while the broker is away serves what was commanded.
//
// One file `commands.snapshot` in the state directory, in the order in which it can be written and read
// without ever being in memory as a whole: a head (version, topic, about how many keys), a MessagePack array
// a live key, nil, a tail (the offsets read, whether the topic ever lost records or was made anew, its id and
// where it began, keys that ended while it was written), and a CRC32C. Written to a temporary file, synced,
// renamed, the folder synced: a reader finds the old one or the new one. Without it everything is rebuilt
// from the topic.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/fd.h"
#include "common/result.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/commands/topic_record.h"

namespace e2k::supervisor {

// All but the topic and its keys.
struct SnapshotTail {
  std::map<int32_t, int64_t> next_offsets;  // by partition
  // Keys that the topic does not hold any more are kept where it lost records, or was made anew.
  bool shrank = false, renewed = false;
  TopicLog log;
  std::vector<std::string> ended;  // raw keys that were written and are not in it
};

// Pure. Keys as bytes, in pieces of some hundred kilobytes.
class SnapshotPieces {
public:
  void add(const CommandState::LiveKey& key);
  // What is full by now, and then all.
  std::optional<std::string> take_full();
  std::string take_rest();

private:
  std::string bytes_;
};

// Pure. What stands before and behind them; the checksum is of all that stands before it.
std::string snapshot_head(std::string_view topic, size_t keys);
std::string snapshot_end(const SnapshotTail& tail);
std::string snapshot_checksum(uint32_t crc);

// The file while it is written, on any one thread. An error is kept until commit(), and the file of before
// stays. Without commit() nothing is left of it.
class SnapshotFile {
public:
  // `keys`: about how many there will be.
  SnapshotFile(const std::string& directory, std::string_view topic, size_t keys);
  ~SnapshotFile();
  SnapshotFile(const SnapshotFile&) = delete;
  SnapshotFile& operator=(const SnapshotFile&) = delete;
  // Of a key that is given twice the last counts.
  void append(std::string_view pieces);
  Result<void> commit(const SnapshotTail& tail);

private:
  void write(std::string_view bytes);
  void fail_with(const std::string& path);

  const std::string directory_, file_, temporary_;
  UniqueFd out_;
  uint32_t checksum_ = 0;
  std::string error_;
};

// What a reader does with it.
struct SnapshotVisitor {
  // false: it is of no use, and is not read on.
  std::function<bool(std::string_view topic, size_t keys)> begins;
  std::function<void(const CommandState::LiveKey&)> key;
};

// Nothing where there is none, or the visitor has no use for it. A damaged one is moved aside to
// commands.snapshot.bad; the Error says so, and keys that were given are void.
Result<std::optional<SnapshotTail>> load_snapshot(const std::string& directory,
                                                  const SnapshotVisitor& visitor);
// Pure. Likewise, of its bytes.
Result<std::optional<SnapshotTail>> read_snapshot(std::string_view bytes, const SnapshotVisitor& visitor);

}  // namespace e2k::supervisor
