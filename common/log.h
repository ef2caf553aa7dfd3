// Shell. Log lines to stderr: `LEVEL event key=value …`, one line a transition.
//
// Under systemd (stderr is the journal, JOURNAL_STREAM) each line begins with its priority (`<3>`) and
// carries no time of its own; elsewhere it begins with a UTC time stamp. Foreign text goes through quoted():
// control characters, quotes and invalid UTF-8 are escaped, so that no channel name can forge a line.
// Thread-safe. The logger is spdlog's default one, set up once by main; nothing else in the project holds
// logger state. Its headers are seen by log.cpp alone: they would cost each file that writes a line a second
// of the compiler's time.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

#include "common/result.h"

namespace e2k::log {

// `who` stands in every line ("supervisor", "worker.3"). Level: trace, debug, info, warning, error.
Result<void> start(std::string_view who, std::string_view level);
Result<void> set_level(std::string_view level);

// `text` as a double-quoted literal: \" \\ \n \t, other controls and invalid bytes as \xNN; at most 512
// bytes of `text`, then "…".
std::string quoted(std::string_view text);

enum class Level { trace, debug, info, warning, error };
inline constexpr std::string_view kLevelNames[] = {"trace", "debug", "info", "warning", "error"};
inline constexpr std::string_view kLevelsInWords = "trace, debug, info, warning, error";
bool is_on(Level level);
void write_line(Level level, fmt::string_view format, fmt::format_args values);

template <class... Values>
void write(Level level, fmt::format_string<Values...> format, Values&&... values) {
  if (is_on(level)) write_line(level, format, fmt::make_format_args(values...));
}
template <class... Values>
void debug(fmt::format_string<Values...> format, Values&&... values) {
  write(Level::debug, format, std::forward<Values>(values)...);
}
template <class... Values>
void info(fmt::format_string<Values...> format, Values&&... values) {
  write(Level::info, format, std::forward<Values>(values)...);
}
template <class... Values>
void warn(fmt::format_string<Values...> format, Values&&... values) {
  write(Level::warning, format, std::forward<Values>(values)...);
}
template <class... Values>
void error(fmt::format_string<Values...> format, Values&&... values) {
  write(Level::error, format, std::forward<Values>(values)...);
}

}  // namespace e2k::log
