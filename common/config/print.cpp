#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

#include "common/config/document.h"
#include "common/config/epics_variables.h"
#include "common/config/load.h"
#include "common/config/settings.h"

namespace e2k {
namespace {

using config::toml_string;
constexpr const char* kHidden = "***";

struct Printed {
  const Config& c;
  std::string operator()(const config::IntegerSetting& s) const { return std::to_string(s.get(c)); }
  std::string operator()(const config::BooleanSetting& s) const { return s.get(c) ? "true" : "false"; }
  std::string operator()(const config::StringSetting& s) const { return toml_string(s.get(c)); }
  std::string operator()(const config::ChoiceSetting& s) const { return toml_string(s.names[s.get(c)]); }
  std::string operator()(const config::ListSetting& s) const {
    std::string text = "[";
    for (const std::string& element : s.get(c)) (text += text.size() > 1 ? ", " : "") += toml_string(element);
    return text + "]";
  }
};

// The settings whose key begins with `table` and a dot; every setting has one of the tables below.
void print_settings(std::string& out, const Config& c, std::string_view table) {
  ((out += "\n[") += table) += "]\n";
  const std::string prefix = std::string(table) + ".";
  for (const config::Setting& setting : config::settings()) {
    if (!setting.key.starts_with(prefix)) continue;
    const std::string key(setting.key);
    ((out += key.substr(prefix.size())) += " = ") +=
        c.hidden.contains(key) ? toml_string(kHidden) : std::visit(Printed{c}, setting.kind);
    out += '\n';
  }
}

// Which of its options are secret is known to a plug-in alone: of those, nothing that could be a text is
// shown.
bool is_plain(const std::string& value) {
  if (value == "true" || value == "false") return true;
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc{} && end == value.data() + value.size();
}

Properties options_of(const std::string& converter, Properties options) {
  if (converter.starts_with("plugin:"))
    for (auto& [name, value] : options) value.secret = value.secret || !is_plain(value.value);
  return options;
}

void print_properties(std::string& out, const std::string& table, const Properties& properties) {
  if (properties.empty()) return;
  ((out += "\n[") += table) += "]\n";
  for (const auto& [name, value] : properties)
    (((out += toml_string(name)) += " = ") += toml_string(value.secret ? kHidden : value.value)) += '\n';
}

void print_epics(std::string& out, const Config& c) {
  out += "\n[epics]\n";
  for (const config::EpicsVariable& variable : config::epics_variables()) {
    const auto value = c.epics.find(std::string(variable.variable));
    if (value == c.epics.end()) continue;
    const bool hidden = c.hidden.contains("epics." + std::string(variable.key));
    ((out += variable.key) += " = ") += toml_string(hidden ? kHidden : value->second);
    out += '\n';
  }
}

}  // namespace

std::string print_config(const Config& c) {
  std::string out = "log_level = " + toml_string(c.log_level) + "\n";
  print_properties(out, "kafka", c.kafka.common);
  print_properties(out, "kafka.producer", c.kafka.producer);
  print_properties(out, "kafka.consumer", c.kafka.consumer);
  print_settings(out, c, "commands");
  print_epics(out, c);
  print_settings(out, c, "output");
  print_settings(out, c, "workers");
  print_settings(out, c, "value");
  print_properties(out, "value.options", options_of(c.value.converter, c.value.options));
  print_settings(out, c, "key");
  print_properties(out, "key.options", options_of(c.key.converter, c.key.options));
  print_settings(out, c, "spool");
  print_settings(out, c, "state");
  print_settings(out, c, "status");
  print_settings(out, c, "control");
  return out;
}

}  // namespace e2k
