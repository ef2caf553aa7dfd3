// Pure. The settings with fixed names, each with its type, range and place in Config: the one table from
// which they are read, checked, printed and suggested.
//
// [kafka…], [epics] and the converters' options have names of their own (property_rules.h,
// epics_variables.h, converters.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/config.h"

namespace e2k::config {

struct IntegerSetting {
  int64_t (*get)(const Config&);
  void (*set)(Config&, int64_t);
  int64_t least, most;
};
struct BooleanSetting {
  bool (*get)(const Config&);
  void (*set)(Config&, bool);
};
struct StringSetting {
  const std::string& (*get)(const Config&);
  void (*set)(Config&, std::string);
  // What is wrong with a text, or nothing.
  std::optional<std::string> (*problem)(const std::string&);
};
struct ChoiceSetting {
  std::span<const std::string_view> names;
  size_t (*get)(const Config&);  // index into names
  void (*set)(Config&, size_t);
};
struct ListSetting {
  const std::vector<std::string>& (*get)(const Config&);
  void (*set)(Config&, std::vector<std::string>);
  std::optional<std::string> (*problem)(const std::string&);  // of one element
  bool may_be_empty = false;
};

struct Setting {
  std::string_view key;
  std::string_view accepted;  // for messages; empty for integers: their range is it
  std::variant<IntegerSetting, BooleanSetting, StringSetting, ChoiceSetting, ListSetting> kind;
  bool file_only = false;  // never by --set
};

std::span<const Setting> settings();
const Setting* find_setting(std::string_view key);
std::string accepted_by(const Setting& setting);

}  // namespace e2k::config
