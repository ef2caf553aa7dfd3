// Whatever may be set: what is printed reads back the same, and --set means what the file means.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/config/epics_variables.h"
#include "common/config/settings.h"
#include "common/config/spelling.h"
#include "config_fixture.h"

namespace e2k {
namespace {

using config::toml_string;

struct KeyAndToml {
  std::string key;   // dotted
  std::string toml;  // the value
};

// Texts with everything that TOML has to escape.
rc::Gen<std::string> any_text() {
  return rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab1.= \"\\'\t\n#[]{}-_:/\x01\x7f")));
}
rc::Gen<std::string> any_name() {
  return rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("abcXYZ019._-"))));
}

// A value that the setting accepts.
rc::Gen<std::string> toml_for(const config::Setting& setting) {
  if (const auto* integer = std::get_if<config::IntegerSetting>(&setting.kind))
    return rc::gen::map(rc::gen::inRange<int64_t>(std::max<int64_t>(1, integer->least),
                                                  std::min<int64_t>(integer->most, 1 << 30)),
                        [](int64_t value) { return std::to_string(value); });
  if (std::holds_alternative<config::BooleanSetting>(setting.kind))
    return rc::gen::element<std::string>("true", "false");
  if (const auto* choice = std::get_if<config::ChoiceSetting>(&setting.kind))
    return rc::gen::map(rc::gen::inRange<size_t>(0, choice->names.size()),
                        [names = choice->names](size_t i) { return toml_string(names[i]); });
  if (setting.key == "status.mute")
    return rc::gen::element<std::string>("[]", "['EVENTS_LOST', 'IOC_CLOCK']");
  if (setting.key == "output.headers") return rc::gen::element<std::string>("[]", "['epics_stamp_ns']");
  if (std::holds_alternative<config::ListSetting>(setting.kind))
    return rc::gen::element<std::string>("[\"a\"]", R"(["x.*", "\\d+", "\"\t"])", "['a|b']");
  if (setting.accepted.find("path") != std::string_view::npos)
    return rc::gen::map(rc::gen::resize(30, any_text()),
                        // The two sockets must not have one path.
                        [end = setting.key == "control.status_socket" ? "s" : ""](const std::string& text) {
                          return toml_string("/" + text + end);
                        });
  if (setting.accepted.starts_with("host:port"))
    return rc::gen::element<std::string>("\"\"", "\"127.0.0.1:8083\"", "'[::1]:0'");
  return rc::gen::map(any_name(), [](std::string name) { return toml_string("n" + name.substr(0, 200)); });
}

rc::Gen<KeyAndToml> any_fixed_setting() {
  std::vector<config::Setting> plain;
  for (const config::Setting& setting : config::settings())
    // Converters, and what one setting asks of another, have tests of their own.
    if (!setting.key.ends_with("converter") && !setting.key.starts_with("control.http_") &&
        !setting.key.starts_with("spool.max"))
      plain.push_back(setting);
  return rc::gen::mapcat(rc::gen::elementOf(plain), [](const config::Setting& setting) {
    return rc::gen::map(toml_for(setting), [key = std::string(setting.key)](std::string toml) {
      return KeyAndToml{key, std::move(toml)};
    });
  });
}

rc::Gen<KeyAndToml> any_property() {
  return rc::gen::apply(
      [](const std::string& section, const std::string& name, const std::string& value) {
        return KeyAndToml{section + name, toml_string(value)};
      },
      rc::gen::element<std::string>("kafka.", "kafka.producer.", "kafka.consumer."),
      rc::gen::element<std::string>("linger.ms", "client.id", "queue.buffering.max.ms", "sasl.mechanisms",
                                    "x", "a.b.c"),
      any_text());
}

rc::Gen<KeyAndToml> any_epics() {
  return rc::gen::elementOf(std::vector<KeyAndToml>{{"epics.addr_list", "\"10.0.0.1 ioc:5064\""},
                                                    {"epics.auto_addr_list", "false"},
                                                    {"epics.conn_tmo", "2.5"},
                                                    {"epics.max_array_bytes", "20000"},
                                                    {"epics.repeater_port", "6000"},
                                                    {"epics.name_servers", "\"\""}});
}

// Several of them, each key once (aliases counted as one).
rc::Gen<std::vector<KeyAndToml>> any_settings() {
  return rc::gen::map(rc::gen::container<std::vector<KeyAndToml>>(
                          rc::gen::oneOf(any_fixed_setting(), any_property(), any_epics())),
                      [](const std::vector<KeyAndToml>& drawn) {
                        std::map<std::string, KeyAndToml> once;
                        for (const KeyAndToml& one : drawn) {
                          std::string key = one.key;
                          if (const size_t at = key.find("queue.buffering.max.ms"); at != std::string::npos)
                            key = key.substr(0, at) + "linger.ms";
                          once.emplace(key, one);
                        }
                        std::vector<KeyAndToml> kept;
                        for (auto& [key, one] : once) kept.push_back(one);
                        return kept;
                      });
}

std::string as_file(const std::vector<KeyAndToml>& settings) {
  std::string toml;
  for (const KeyAndToml& one : settings) toml += toml_string(one.key) + " = " + one.toml + "\n";
  return toml;
}

Config accepted(const FakeSite& site, const std::string& toml) {
  auto config = site.build(toml);
  if (!config) RC_LOG() << toml << "\n" << config.error().messages.front() << "\n";
  RC_ASSERT(config.has_value());
  config->places.clear();
  return std::move(*config);
}

RC_GTEST_PROP(ConfigProperty, what_is_printed_reads_back_the_same, ()) {
  const auto settings = *any_settings();
  const FakeSite site;
  const Config first = accepted(site, as_file(settings));
  RC_ASSERT(accepted(site, print_config(first)) == first);
}

RC_GTEST_PROP(ConfigProperty, a_setting_on_the_command_line_equals_the_file, ()) {
  auto settings = *any_settings();
  std::erase_if(settings, [](const KeyAndToml& one) {
    const config::Setting* setting = config::find_setting(one.key);
    // The file's also moves the spool, which the command line does not.
    return (setting != nullptr && setting->file_only) || one.key == "state.directory";
  });
  FakeSite site;
  const Config from_file = accepted(site, as_file(settings));
  for (const KeyAndToml& one : settings) site.settings.push_back(one.key + "=" + one.toml);
  RC_ASSERT(accepted(site, "") == from_file);
  // … and wins over it: here over itself.
  RC_ASSERT(accepted(site, as_file(settings)) == from_file);
}

RC_GTEST_PROP(ConfigProperty, edit_distance_is_a_distance, ()) {
  const auto word = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab")));
  const auto other = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab")));
  const size_t distance = config::edit_distance(word, other);
  RC_ASSERT(distance == config::edit_distance(other, word));
  RC_ASSERT((distance == 0) == (word == other));
  RC_ASSERT(distance <= std::max(word.size(), other.size()));
}

}  // namespace
}  // namespace e2k
