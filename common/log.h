// Shell. Log lines to stderr: `LEVEL event key=value …`, one line a transition.
//
// Under systemd (stderr is the journal, JOURNAL_STREAM) each line begins with its priority (`<3>`) and
// carries no time of its own; elsewhere it begins with a UTC time stamp. Foreign text goes through quoted():
// control characters, quotes and invalid UTF-8 are escaped, so that no channel name can forge a line.
// Thread-safe. The logger is spdlog's default one, set up once by main; nothing else in the project holds
// logger state.
#pragma once

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

#include "common/result.h"

namespace e2k::log {

// `who` stands in every line ("supervisor", "worker.3"). Level: trace, debug, info, warning, error.
Result<void> start(std::string_view who, std::string_view level);
Result<void> set_level(std::string_view level);

// `text` as a double-quoted literal: \" \\ \n \t, other controls and invalid bytes as \xNN; at most 512
// bytes of `text`, then "…".
std::string quoted(std::string_view text);

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::trace;
using spdlog::warn;

}  // namespace e2k::log
