// Pure. Commands as lines of text: what `list` and `export` print and `import` reads, and MONITOR_CHANNELS.
//
//   {"topic":"t","channel":"c"}={"mask":"va"}      a JSON key ends at its closing brace
//   channel1={"topic":"t","mask":"va"}             every other key at the first `=`
//
// A value `null` is a tombstone: it takes back earlier lines of the same key, so that the dump of a whole
// topic can be read. Empty lines and lines that begin with `# ` are skipped. Of several lines for one entry
// the last counts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proto/command_record.h"

namespace e2k::supervisor::ctl {

struct LineProblem {
  size_t line;  // from 1; of MONITOR_CHANNELS' list, the item, empty ones not counted
  std::string reason;
};

struct ParsedCommands {
  std::vector<SetCommand> commands;  // one an entry
  std::vector<LineProblem> problems;
};

// `command_topic`: what can't be an output topic.
ParsedCommands parse_lines(std::string_view text, std::string_view command_topic);

// `chan|topic|mask|outkey,…` (outkey may be missing), where a name goes up to the first bar, with commas and
// colons of its own; or, in a list without any bar, the older `chan:topic:mask,…`, where a comma ends an item
// only behind a topic and a valid mask. A faulty item is named by its number and its text and costs no other.
ParsedCommands parse_monitor_channels(std::string_view list, std::string_view command_topic);

// One line, without its end. A plain key that a line can't hold (it has a `=`, or looks like JSON or a
// comment) is written in the JSON form.
std::string command_line(const EntrySpec& entry, KeyForm form);

}  // namespace e2k::supervisor::ctl
