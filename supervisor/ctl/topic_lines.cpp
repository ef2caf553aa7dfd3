#include "supervisor/ctl/topic_lines.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "common/split.h"
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
    if (auto problem = problem_of(line, key, value)) refuse(line, std::move(*problem));
  }
  // Takes a command in; or says why not, for a caller who has more to say of it.
  std::optional<std::string> problem_of(size_t line, std::string_view key,
                                        std::optional<std::string_view> value) {
    changes_.clear();
    const uint64_t before = state_.rejected_total();
    state_.apply(0, static_cast<int64_t>(line), 0, key, value, changes_);
    if (state_.rejected_total() == before) return std::nullopt;
    return state_.rejections().back().reason;
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

constexpr std::string_view kBlanks = " \t\r\n";  // as trimmed() takes them

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

// One of MONITOR_CHANNELS' items: where it stands in the list, for messages, and what it is made of.
struct Item {
  size_t number = 0;
  std::string_view text, channel, topic, mask, outkey;
};

void refuse(Fold& fold, const Item& item, std::string_view reason) {
  constexpr size_t kShownBytes = 300;
  const std::string_view text = trimmed(item.text);
  fold.refuse(item.number, '"' + std::string(text.substr(0, kShownBytes)) +
                               (text.size() > kShownBytes ? "…" : "") + "\": " + std::string(reason));
}

void add_item(Fold& fold, const Item& item) {
  const auto mask = parse_mask(trimmed(item.mask));
  if (!mask)
    return refuse(fold, item, "its mask is none; accepted: letters of v, a, l, p, each at most once");
  const EntrySpec entry{std::string(trimmed(item.topic)), std::string(trimmed(item.channel)), *mask,
                        std::string(trimmed(item.outkey))};
  const auto problem =
      fold.problem_of(item.number, command_key(entry, KeyForm::json), command_value(entry, KeyForm::json));
  if (problem) refuse(fold, item, *problem);
}

// channel|topic|mask[|outkey],… Neither topic nor mask holds a bar or a comma: what stands before the first
// bar is the name, whatever it holds, and a comma behind it ends the item.
void add_items_with_bars(Fold& fold, std::string_view list) {
  constexpr std::string_view kAccepted = "; accepted: channel|topic|mask or channel|topic|mask|outkey";
  Item item;
  for (;;) {
    list.remove_prefix(std::min(list.size(), list.find_first_not_of(" \t\r,")));
    if (list.empty()) return;
    const size_t bar = list.find('|');
    const size_t end = std::min(list.size(), list.find(',', bar == std::string_view::npos ? bar : bar + 1));
    item.text = list.substr(0, end);
    list.remove_prefix(std::min(list.size(), end + 1));
    ++item.number;
    const auto fields = split(item.text, '|');
    if (fields.size() == 1) {
      refuse(fold, item, "it has neither topic nor mask" + std::string(kAccepted));
    } else if (fields.size() == 2) {
      refuse(fold, item, "it has no mask" + std::string(kAccepted));
    } else if (fields.size() > 4) {
      refuse(fold, item, "it has more than three bars" + std::string(kAccepted));
    } else {
      item.channel = fields[0];
      item.topic = fields[1];
      item.mask = fields[2];
      item.outkey = fields.size() == 4 ? fields[3] : std::string_view();
      add_item(fold, item);
    }
  }
}

// The older channel:topic:mask,… Neither topic nor mask holds a colon or a comma: the last two colons part
// them, and a comma is the name's own unless a topic and a mask stand before it.
void add_older_items(Fold& fold, std::string_view list) {
  constexpr size_t kNone = std::string_view::npos;
  Item item;
  size_t begin = 0, topic_colon = kNone, mask_colon = kNone;
  for (size_t at = 0; at <= list.size(); ++at) {
    const char c = at < list.size() ? list[at] : ',';
    if (c == ':') topic_colon = std::exchange(mask_colon, at);
    if (c != ',') continue;
    item.text = list.substr(begin, at - begin);
    const bool is_blank = trimmed(item.text).empty();
    const bool is_whole = topic_colon != kNone;
    if (is_whole) {
      item.channel = list.substr(begin, topic_colon - begin);
      item.topic = list.substr(topic_colon + 1, mask_colon - topic_colon - 1);
      item.mask = list.substr(mask_colon + 1, at - mask_colon - 1);
    }
    const bool ends = is_whole && item.topic.find(',') == kNone && parse_mask(trimmed(item.mask));
    if (!is_blank && !ends && at < list.size()) continue;
    if (!is_blank) {
      ++item.number;
      if (is_whole)
        add_item(fold, item);
      else
        refuse(fold, item,
               "it has no topic or no mask; accepted: channel|topic|mask, channel|topic|mask|outkey "
               "or, in a list without any bar, channel:topic:mask");
    }
    begin = at + 1;
    topic_colon = mask_colon = kNone;
  }
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
  if (list.find('|') != std::string_view::npos)
    add_items_with_bars(fold, list);
  else
    add_older_items(fold, list);
  return fold.result();
}

std::string command_line(const EntrySpec& entry, KeyForm form) {
  if (form == KeyForm::plain && !fits_plain(entry)) form = KeyForm::json;
  return command_key(entry, form) + '=' + command_value(entry, form);
}

}  // namespace e2k::supervisor::ctl
