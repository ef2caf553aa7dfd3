// Shell. What the generations of this slot before this one left behind: books to be made true, logs, and
// sometimes a process that still runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "common/result.h"
#include "proto/launch.h"

namespace e2k::worker {

// What a predecessor that was killed left in doubt is made true before its sums are taken over. Its log is
// the neighbour of ours; where it is gone, nothing waited in it. The answer: its folder, if nothing waits in
// it. A predecessor that still runs (its supervisor was killed, and the next one has told it to leave) is the
// only one who may touch either: that is an error, and we come back later.
Result<std::optional<std::filesystem::path>> repair_predecessor(const LaunchContract& contract);

// Once its sums have been taken over. A failure is logged.
void remove_log_of_predecessor(const std::filesystem::path& folder);

// What logs of earlier generations of this slot still hold: it counts towards the slot's share.
uint64_t bytes_of_older_logs(const LaunchContract& contract);

}  // namespace e2k::worker
