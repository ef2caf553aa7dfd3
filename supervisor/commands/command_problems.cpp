#include "supervisor/commands/command_problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/log.h"
#include "common/text.h"

namespace e2k::supervisor {

std::string rejected_commands_text(const std::string& topic, const std::deque<Rejection>& standing) {
  const auto keyed =
      std::ranges::count_if(standing, [](const auto& one) { return one.key_hash.has_value(); });
  if (keyed == 0) return "";
  const auto last = std::ranges::find_if(standing.rbegin(), standing.rend(),
                                         [](const auto& one) { return one.key_hash.has_value(); });
  return fmt::format(
      "{}{} record{} on the command topic {} {} rejected and change{} nothing; the last one (partition {}, "
      "offset {}, "
      "key {}): {}. epics2kafkactl rejected lists them; write each anew, or a tombstone under its key",
      keyed >= static_cast<std::ptrdiff_t>(kRememberedRejections) ? "at least " : "", keyed,
      keyed == 1 ? "" : "s", topic, keyed == 1 ? "is" : "are", keyed == 1 ? "s" : "", last->partition,
      last->offset, log::quoted(last->key), last->reason);
}

std::string split_keys_text(const std::string& topic, size_t keys,
                            const std::optional<CommandState::SplitKey>& example) {
  if (keys == 0 || !example) return "";
  return fmt::format(
      "{} key{} of the command topic {} stand{} in several partitions, {} in {}; partitions were added, and "
      "the "
      "later time stamp counts. End each where it is older: write a tombstone under the key to that "
      "partition; "
      "or export, make the topic again with one partition, and import",
      keys, keys == 1 ? "" : "s", topic, keys == 1 ? "s" : "", log::quoted(example->key),
      fmt::join(example->partitions, " and "));
}

}  // namespace e2k::supervisor
