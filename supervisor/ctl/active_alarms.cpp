#include "supervisor/ctl/active_alarms.h"

#include <fmt/format.h>

#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

bool ActiveAlarms::take(const std::string& key, const std::optional<std::string>& value) {
  if (!value) {
    active_.erase(key);
    return true;
  }
  const Json json = Json::parse(*value, nullptr, false);
  if (!json.is_object() || !json.contains("severity") || !json["severity"].is_string()) return false;
  const auto text = [&json](const char* name) { return json.contains(name) ? text_of(json[name]) : ""; };
  active_[key] = {text("severity"), text("alarm"), text("value"), text("since")};
  return true;
}

std::string ActiveAlarms::line_of(const std::string& key) const {
  const auto found = active_.find(key);
  if (found == active_.end()) return fmt::format("- {:<24} cleared", printable(key));
  const Alarm& alarm = found->second;
  return fmt::format("+ {:<24} {:<8} {:<12} {}   since {}", printable(key), printable(alarm.severity),
                     printable(alarm.alarm), printable(alarm.value), printable(alarm.since));
}

std::vector<std::string> ActiveAlarms::lines() const {
  std::vector<std::string> lines;
  for (const auto& [key, alarm] : active_) lines.push_back(line_of(key));
  return lines;
}

nlohmann::ordered_json ActiveAlarms::document() const {
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  for (const auto& [key, alarm] : active_)
    items.push_back({{"key", key},
                     {"severity", alarm.severity},
                     {"alarm", alarm.alarm},
                     {"value", alarm.value},
                     {"since", alarm.since}});
  return {{"api", 1}, {"items", std::move(items)}};
}

}  // namespace e2k::supervisor::ctl
