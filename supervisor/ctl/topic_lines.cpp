#include "supervisor/ctl/topic_lines.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "supervisor/commands/command_state.h"

namespace e2k::supervisor::ctl {
namespace {

// The texts' own fold: lines are its offsets.
class Fold {
public:
  explicit Fold(std::string_view command_topic)
      : state_([topic = std::string(command_topic)](
                   std::string_view name) { return topic_name_problem(name, topic); },
               std::numeric_limits<uint32_t>::max()) {}

  void add(size_t line, std::string_view key, std::optional<std::string_view> value) {
    changes_.clear();
    const uint64_t before = state_.rejected_total();
    state_.apply(0, static_cast<int64_t>(line), 0, key, value, changes_);
    if (state_.rejected_total() != before) refuse(line, state_.rejections().back().reason);
  }
  void refuse(size_t line, std::string reason) { problems_.push_back({line, std::move(reason)}); }

  ParsedCommands result() {
    ParsedCommands parsed;
    // In the order in which they were written.
    std::vector<std::pair<int64_t, SetCommand>> found;
    state_.visit_keys([&](const CommandState::LiveKey& key) {
      if (state_.find(key.entry.topic, key.entry.channel)->offset == key.offset)
        found.emplace_back(key.offset, SetCommand{key.entry, key.form});
    });
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [line, command] : found) parsed.commands.push_back(std::move(command));
    parsed.problems = std::move(problems_);
    return parsed;
  }

private:
  CommandState state_;
  std::vector<Change> changes_;
  std::vector<LineProblem> problems_;
};

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_comment(std::string_view line) {
  return line == "#" || line.starts_with("# ");
}

// Behind the brace that closes the one that `text` begins with; npos: it is never closed.
size_t end_of_object(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

// Where the `=` between key and value is.
size_t separator(std::string_view line) {
  const size_t object = line.starts_with('{') ? end_of_object(line) : std::string_view::npos;
  if (object == std::string_view::npos) return line.find('=');
  const size_t next = line.find_first_not_of(kBlanks, object);
  return next != std::string_view::npos && line[next] == '=' ? next : std::string_view::npos;
}

void add_line(Fold& fold, size_t number, std::string_view line) {
  const size_t at = separator(line);
  if (at == std::string_view::npos)
    return fold.refuse(number, R"(no key=value; accepted: {"topic":"t","channel":"c"}={"mask":"va"} or )"
                               R"(channel={"topic":"t","mask":"va"})");
  const std::string_view key = trimmed(line.substr(0, at)), value = trimmed(line.substr(at + 1));
  if (value == "null") return fold.add(number, key, std::nullopt);
  if (value.empty()) return fold.refuse(number, "nothing stands behind the =");
  fold.add(number, key, value);
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(at, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

// chan:topic:mask, from its end: neither topic nor mask can hold a colon.
std::vector<std::string_view> split_older(std::string_view item) {
  const size_t mask = item.rfind(':');
  if (mask == std::string_view::npos || mask == 0) return {};
  const size_t topic = item.rfind(':', mask - 1);
  if (topic == std::string_view::npos) return {};
  return {item.substr(0, topic), item.substr(topic + 1, mask - topic - 1), item.substr(mask + 1)};
}

void add_item(Fold& fold, size_t number, std::string_view item) {
  const bool bars = item.find('|') != std::string_view::npos;
  const auto fields = bars ? split(item, '|') : split_older(item);
  if (fields.size() < 3 || fields.size() > 4)
    return fold.refuse(number,
                       "accepted: channel|topic|mask, channel|topic|mask|outkey or channel:topic:mask");
  const auto mask = parse_mask(trimmed(fields[2]));
  if (!mask)
    return fold.refuse(number, "the mask is none; accepted: letters of v, a, l, p, each at most once");
  EntrySpec entry{std::string(trimmed(fields[1])), std::string(trimmed(fields[0])), *mask, ""};
  if (fields.size() == 4) entry.key = trimmed(fields[3]);
  fold.add(number, command_key(entry, KeyForm::json), command_value(entry, KeyForm::json));
}

bool fits_plain(const EntrySpec& entry) {
  const std::string& name = entry.channel;
  return name.find('=') == std::string::npos && !name.starts_with('{') && !is_comment(name) &&
         trimmed(name) == name;
}

}  // namespace

ParsedCommands parse_lines(std::string_view text, std::string_view command_topic) {
  Fold fold(command_topic);
  size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trimmed(line);
    if (!line.empty() && !is_comment(line)) add_line(fold, number, line);
  }
  return fold.result();
}

ParsedCommands parse_monitor_channels(std::string_view list, std::string_view command_topic) {
  Fold fold(command_topic);
  size_t number = 0;
  for (std::string_view item : split(list, ',')) {
    ++number;
    item = trimmed(item);
    if (!item.empty()) add_item(fold, number, item);
  }
  return fold.result();
}

std::string command_line(const EntrySpec& entry, KeyForm form) {
  if (form == KeyForm::plain && !fits_plain(entry)) form = KeyForm::json;
  return command_key(entry, form) + '=' + command_value(entry, form);
}

}  // namespace e2k::supervisor::ctl
