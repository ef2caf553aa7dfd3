// Foreign bytes as a log of commands, as a snapshot and as lines to import. What the fold holds is legal, and
// a snapshot of it and its lines say the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>

#include "common/text.h"
#include "proto/crc32c.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/commands/snapshot.h"
#include "supervisor/ctl/topic_lines.h"

using namespace e2k;
using namespace e2k::supervisor;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Lines of key, tab, value; no tab: a tombstone.
void fold(std::string_view log, CommandState& state) {
  std::vector<Change> changes;
  for (int64_t offset = 0; !log.empty(); ++offset) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    const size_t tab = line.find('\t');
    changes.clear();
    if (tab == std::string_view::npos)
      state.apply(0, offset, 0, line, std::nullopt, changes);
    else
      state.apply(0, offset, 0, line.substr(0, tab), line.substr(tab + 1), changes);
    require(changes.size() <= 2);
  }
}

void check(const EntryRef& entry) {
  require(entry.mask.bits >= 1 && entry.mask.bits <= 15);
  require(!entry.channel.empty() && entry.channel.size() <= kMaxChannelNameBytes);
  require(is_valid_utf8(entry.channel) && !has_control_characters(entry.channel));
  require(!entry.topic.empty() && entry.topic.size() <= kMaxTopicBytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto any_topic = [](std::string_view) { return std::nullopt; };
  CommandState state(any_topic, 5);
  fold(bytes, state);
  require(state.size() <= 5);
  SnapshotPieces pieces;
  state.visit_keys([&](const CommandState::LiveKey& key) {
    pieces.add(key);
    const auto read = ctl::parse_lines(ctl::command_line(key.entry, key.form), "");
    // Reserved topics are the rule's to refuse, and here there is none.
    if (topic_name_problem(key.entry.topic, "")) return;
    require(read.problems.empty() && read.commands.size() == 1 && read.commands[0].entry == key.entry);
  });
  std::string snapshot = snapshot_head("commands", state.keys()) + pieces.take_rest() + snapshot_end({});
  snapshot += snapshot_checksum(crc32c(0, snapshot.data(), snapshot.size()));
  CommandState restored(any_topic, 5);
  const SnapshotVisitor visitor{[](std::string_view topic, size_t) { return topic == "commands"; },
                                [&](const CommandState::LiveKey& key) { restored.restore(key); }};
  require(read_snapshot(snapshot, visitor).has_value());
  require(restored.keys() == state.keys());
  state.visit([&](const EntryRef& entry) {
    check(entry);
    const auto same = restored.find(entry.topic, entry.channel);
    require(same && same->mask == entry.mask && same->key == entry.key && same->offset == entry.offset);
  });
  std::ignore = read_snapshot(bytes, visitor);
  std::ignore = ctl::parse_lines(bytes, "commands");
  std::ignore = ctl::parse_monitor_channels(bytes, "commands");
  return 0;
}
