// Shell. The command state on disk, so that a start while the broker is away serves what was commanded.
//
// One file `commands.snapshot` in the state directory: MessagePack with a version, the topic's name, the
// offsets read, the topic's id and where it began, whether it ever lost records or was made anew, every live
// key, and a CRC32C at the end. Written to a temporary file, synced, renamed, the folder synced: a reader
// finds the old one or the new one. Without it everything is rebuilt from the topic. encode/decode are pure;
// save/load are the shell.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/commands/topic_record.h"

namespace e2k::supervisor {

struct Snapshot {
  std::string topic;
  std::map<int32_t, int64_t> next_offsets;  // by partition
  std::vector<CommandState::LiveKey> keys;
  // Keys that the topic does not hold any more are kept where it lost records, or was made anew.
  bool shrank = false, renewed = false;
  TopicLog log;
};

// A snapshot that is put together piece by piece: as bytes, because a million keys as values would take three
// times the memory. The keys of `ended` are not in it, though they were added; of one that is added twice the
// last counts.
class SnapshotPieces {
public:
  void add(const CommandState::LiveKey& key);
  void clear() { *this = {}; }
  // All but `about`'s keys, in the order in which they are to be written; the checksum is the writer's.
  std::vector<std::string> finish(const Snapshot& about, const std::vector<std::string>& ended) &&;

private:
  std::vector<std::string> full_;
  std::string last_;
  uint32_t keys_ = 0;
};

std::string encode(const Snapshot& snapshot);
Result<Snapshot> decode_snapshot(std::string_view bytes);

Result<void> save_snapshot(const std::string& directory, const Snapshot& snapshot);
Result<void> save_snapshot(const std::string& directory, std::vector<std::string> pieces);
// Nothing when there is none. A damaged one is moved aside to commands.snapshot.bad (the Error says so).
Result<std::optional<Snapshot>> load_snapshot(const std::string& directory);

}  // namespace e2k::supervisor
