#include "supervisor/fleet/worker_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace e2k::supervisor {
namespace {

constexpr std::string_view kFormat = "epics2kafka-worker-record 1";
constexpr std::string_view kRestartsOf = "restarts.";

constexpr ExitCause kCauses[] = {ExitCause::none, ExitCause::crash,     ExitCause::exit,
                                 ExitCause::hang, ExitCause::requested, ExitCause::launch_failed};

// A value stands on one line.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
  return text;
}

template <class T>
bool take(std::string_view text, T& out) {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  return wrong == std::errc{} && end == text.data() + text.size();
}

bool take_cause(std::string_view text, ExitCause& out) {
  for (const ExitCause cause : kCauses) {
    if (text != to_string(cause)) continue;
    out = cause;
  }
  return true;  // one of a later release says nothing here
}

// false: the value is none of that name.
bool take_line(std::string_view name, std::string_view value, WorkerRecord& r) {
  if (name == "slot") return take(value, r.slot.value);
  if (name == "generation") return take(value, r.generation.value);
  if (name == "pid") return take(value, r.pid);
  if (name == "start_ticks") return take(value, r.start_ticks);
  if (name == "control_version") return take(value, r.control_version);
  if (name == "started_real_ns") return take(value, r.started_real_ns);
  if (name == "restarts") return take(value, r.restarts);
  if (name.starts_with(kRestartsOf))
    return take(value, r.restarts_by_reason[std::string(name.substr(kRestartsOf.size()))]);
  if (name == "last_cause") return take_cause(value, r.last_cause);
  if (name == "token") r.token = value;
  if (name == "release") r.release = value;
  if (name == "settings") r.settings = value;
  if (name == "log_level") r.log_level = value;
  if (name == "last_exit") r.last_exit = value;
  return true;
}

}  // namespace

std::string to_text(const WorkerRecord& r) {
  std::string text = fmt::format(
      "{}\nslot {}\ngeneration {}\npid {}\nstart_ticks {}\ntoken {}\ncontrol_version {}\nrelease {}\n"
      "settings {}\nlog_level {}\nstarted_real_ns {}\nrestarts {}\n",
      kFormat, r.slot.value, r.generation.value, r.pid, r.start_ticks, on_one_line(r.token),
      r.control_version, on_one_line(r.release), r.settings, on_one_line(r.log_level), r.started_real_ns,
      r.restarts);
  for (const auto& [reason, times] : r.restarts_by_reason)
    text += fmt::format("{}{} {}\n", kRestartsOf, reason, times);
  if (r.last_cause != ExitCause::none)
    text += fmt::format("last_cause {}\nlast_exit {}\n", to_string(r.last_cause), on_one_line(r.last_exit));
  return text + "end\n";
}

Result<WorkerRecord> parse_worker_record(std::string_view text) {
  WorkerRecord record;
  bool first = true;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) break;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (std::exchange(first, false)) {
      if (line != kFormat) return fail("it does not begin with \"" + std::string(kFormat) + "\"");
      continue;
    }
    if (line == "end") {
      if (record.pid <= 0 || record.token.empty()) return fail("it names no process or no token");
      return record;
    }
    const size_t blank = line.find(' ');
    const std::string_view name = line.substr(0, blank);
    const std::string_view value = blank == std::string_view::npos ? "" : line.substr(blank + 1);
    if (!take_line(name, value, record)) return fail("its line " + std::string(name) + " holds no number");
  }
  return fail("it is not whole");
}

}  // namespace e2k::supervisor
