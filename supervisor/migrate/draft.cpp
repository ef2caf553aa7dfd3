#include "supervisor/migrate/draft.h"

#include <algorithm>
#include <array>

#include "common/config/document.h"

namespace e2k::supervisor::migrate {
namespace {

using config::toml_string;

constexpr size_t kColumn = 44;
constexpr auto kTables = std::to_array<std::string_view>({"kafka", "kafka.producer", "kafka.consumer",
                                                          "commands", "epics", "output", "workers", "value",
                                                          "value.options", "key", "key.options", "control"});

// Foreign text within a comment: on one line.
std::string in_comment(std::string_view text) {
  const std::string quoted = toml_string(text);
  std::string plain = quoted.substr(1, quoted.size() - 2);
  size_t at = 0;
  while ((at = plain.find("\\\"", at)) != std::string::npos) plain.erase(at, 1);
  return plain;
}

std::string key_text(const std::string& key) {
  const bool bare = std::ranges::all_of(
      key, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  return bare && !key.empty() ? key : toml_string(key);
}

std::string assignment(const DraftLine& line, Secrets secrets) {
  const bool hidden = line.secret && secrets == Secrets::as_credentials;
  return (line.offered ? "# " : "") + key_text(line.key) + " = " +
         (hidden ? "{ credential = " + toml_string(line.key) + " }" : line.value);
}

void add_line(std::string& out, const DraftLine& line, Secrets secrets) {
  for (const std::string& remark : line.remarks) out += "# " + in_comment(remark) + "\n";
  std::string text = assignment(line, secrets);
  if (!line.origin.empty()) {
    if (text.size() < kColumn) text.resize(kColumn, ' ');
    text += "  # " + in_comment(line.origin);
  }
  out += text + "\n";
}

bool is_number(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  return digits(whole) && whole.size() < 18 && (whole.size() == 1 || whole[0] != '0') &&
         (point == std::string_view::npos || digits(text.substr(point + 1)));
}

}  // namespace

bool Draft::add(DraftLine line) {
  if (find(line.table, line.key) != nullptr) return false;
  lines_.push_back(std::move(line));
  return true;
}

void Draft::leave(Leftover leftover, bool noted) {
  if (noted) note(leftover.origin + ": " + leftover.what);
  leftovers_.push_back(std::move(leftover));
}

const DraftLine* Draft::find(std::string_view table, std::string_view key) const {
  const auto found = std::ranges::find_if(
      lines_, [&](const DraftLine& line) { return line.table == table && line.key == key; });
  return found == lines_.end() ? nullptr : &*found;
}

std::string toml_of(const Draft& draft, const std::vector<std::string>& sources, Secrets secrets) {
  std::string names;
  for (const std::string& source : sources) (names += names.empty() ? "" : " and ") += in_comment(source);
  std::string out = "# From " + names +
                    ", by epics2kafkactl migrate. Behind each key stands where it came from; a\n" +
                    "# line that is a comment is an offer, and what was not taken over stands at the end.\n";
  for (const std::string_view table : kTables) {
    std::string lines;
    for (const DraftLine& line : draft.lines())
      if (line.table == table) add_line(lines, line, secrets);
    if (!lines.empty()) out += "\n[" + std::string(table) + "]\n" + lines;
  }
  if (!draft.leftovers().empty()) out += "\n# Not taken over:\n";
  for (const Leftover& leftover : draft.leftovers())
    out += "# " + in_comment(leftover.origin) +
           (leftover.value.empty() ? "" : " = " + in_comment(leftover.value)) + "\n#     " +
           in_comment(leftover.what) + "\n";
  return out;
}

TomlValue toml_value(std::string_view value, const std::string& key, bool bare) {
  if (value.starts_with("${") && value.ends_with("}")) {
    const std::string_view inner = value.substr(2, value.size() - 3);
    const size_t colon = inner.find(':');
    const std::string_view provider = inner.substr(0, colon);
    const std::string rest(colon == std::string_view::npos ? "" : inner.substr(colon + 1));
    const size_t last = rest.rfind(':');
    if (provider == "env" && !rest.empty())
      return {"{ env = " + toml_string(rest.substr(last == std::string::npos ? 0 : last + 1)) + " }", "",
              true};
    if (provider == "directory" && last != std::string::npos)
      return {"{ file = " + toml_string(rest.substr(0, last) + "/" + rest.substr(last + 1)) + " }", "", true};
    if (colon != std::string_view::npos)
      return {"{ credential = " + toml_string(key) + " }",
              "Connect took it from " + std::string(value) +
                  ": put that text alone into a file and name it by { file = \"/path\" }, or make it the "
                  "credential that stands here",
              true};
  }
  if (bare && (value == "true" || value == "false" || is_number(value))) return {std::string(value), ""};
  return {toml_string(value), ""};
}

}  // namespace e2k::supervisor::migrate
