// Pure. Configuration text as a flat list of dotted keys: what TOML and --set have in common.
//
// Nested tables, dotted keys and quoted dotted keys are the same thing here: `[kafka] "linger.ms" = 5`,
// `[kafka.linger] ms = 5` and `"kafka.linger.ms" = 5` all give the key `kafka.linger.ms`. A table whose only
// member is file, credential or env is a reference to a string that stands elsewhere. What a key means and
// whether it exists is not asked here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.h"

namespace e2k::config {

// {file = "…"}, {credential = "…"} or {env = "…"}.
struct Reference {
  enum class Source { file, credential, environment } source;
  std::string name;
};
// A value that no setting takes (a date, an empty table, an array of other things than strings), by its kind.
struct Unusable {
  std::string kind;
};
using Value = std::variant<bool, int64_t, double, std::string, Reference, std::vector<std::string>, Unusable>;

// "a string", "an integer", …
std::string kind_of(const Value& value);

struct Assignment {
  std::string key;    // dotted, unquoted
  std::string place;  // "FILE:LINE", or "--set"
  uint32_t line = 0;  // 0 from the command line
  Value value;
  bool from_command_line = false;
  std::string text;  // from the command line: what stood behind the =
};

struct Document {
  std::vector<Assignment> assignments;  // in the order of their lines
  std::vector<std::string> mistakes;    // whole messages
};

// `path` is for the messages. A syntax error ends the reading: the parser knows only the first.
Document read_toml(std::string_view text, const std::string& path);

// One --set argument. The value is read as TOML; what is no TOML value of a kind that a setting takes is a
// string as it stands.
Result<Assignment> read_setting(std::string_view argument);

// `text` as a TOML string.
std::string toml_string(std::string_view text);

}  // namespace e2k::config
