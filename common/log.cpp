#include "common/log.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>

#include "common/hex.h"
#include "common/text.h"

namespace e2k::log {
namespace {

tl::unexpected<Error> no_such_level(std::string_view name) {
  return fail(fmt::format("no log level {}; accepted: {}", quoted(name), kLevelsInWords));
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::optional<spdlog::level::level_enum> level_named(std::string_view name) {
  const auto found = std::ranges::find(kLevelNames, name);
  if (found == std::end(kLevelNames)) return std::nullopt;
  return spdlog_level(static_cast<Level>(found - std::begin(kLevelNames)));
}

// JOURNAL_STREAM is inherited by everything a service starts; only where its device and inode are those of
// stderr does the journal read our lines.
bool stderr_is_the_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  if (stream == nullptr) return false;
  struct stat here {};
  if (fstat(STDERR_FILENO, &here) != 0) return false;
  return std::to_string(here.st_dev) + ":" + std::to_string(here.st_ino) == stream;
}

// Pattern flag: the line's priority as sd-daemon(3) spells it.
class JournalPriority final : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    out.push_back('<');
    out.push_back(priority(message.level));
    out.push_back('>');
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JournalPriority>();
  }

private:
  static char priority(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::critical:
        return '2';
      case spdlog::level::err:
        return '3';
      case spdlog::level::warn:
        return '4';
      case spdlog::level::info:
        return '6';
      case spdlog::level::debug:
      case spdlog::level::trace:
      case spdlog::level::off:
      case spdlog::level::n_levels:
        break;
    }
    return '7';
  }
};

}  // namespace

Result<void> start(std::string_view who, std::string_view level) {
  const auto wanted = level_named(level);
  if (!wanted) return no_such_level(level);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>(std::string(who), std::move(sink));
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JournalPriority>('J');
  formatter->set_pattern(stderr_is_the_journal() ? "%J%n %v" : "%Y-%m-%dT%H:%M:%S.%fZ %l %n %v");
  logger->set_formatter(std::move(formatter));
  logger->set_level(*wanted);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

Result<void> set_level(std::string_view level) {
  const auto wanted = level_named(level);
  if (!wanted) return no_such_level(level);
  spdlog::set_level(*wanted);
  return {};
}

bool is_on(Level level) {
  return spdlog::should_log(spdlog_level(level));
}

void write_line(Level level, fmt::string_view format, fmt::format_args values) {
  fmt::memory_buffer line;
  fmt::vformat_to(std::back_inserter(line), format, values);
  spdlog::log(spdlog_level(level), std::string_view(line.data(), line.size()));
}

std::string quoted(std::string_view text) {
  constexpr size_t kShownBytes = 512;
  std::string out = "\"";
  size_t shown = 0;
  while (!text.empty()) {
    const size_t character = utf8_character_bytes(text);
    const std::string_view head = text.substr(0, character > 0 ? character : 1);
    if (shown + head.size() > kShownBytes) {
      out += "…";
      break;
    }
    if (head == "\"" || head == "\\")
      (out += '\\') += head;
    else if (head == "\n")
      out += "\\n";
    else if (head == "\t")
      out += "\\t";
    else if (character > 0 && !has_control_characters(head))
      out += head;
    else
      for (const char c : head) {
        out += "\\x";
        append_hex(out, static_cast<uint8_t>(c));
      }
    shown += head.size();
    text.remove_prefix(head.size());
  }
  return out += '"';
}

}  // namespace e2k::log
