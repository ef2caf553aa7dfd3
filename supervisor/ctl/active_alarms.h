// Pure. Which channels are in alarm, by a compacted topic of active alarms: a record each, with the channel's
// key and a value in JSON that says severity, alarm (EPICS' name of the status), value and since when. A
// tombstone ends it. That is what packaging/examples/alarms writes.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace e2k::supervisor::ctl {

class ActiveAlarms {
public:
  // The next record; no value: a tombstone. false: it is none of an alarm, and changes nothing.
  bool take(const std::string& key, const std::optional<std::string>& value);
  bool empty() const { return active_.empty(); }
  // By key.
  std::vector<std::string> lines() const;
  nlohmann::ordered_json document() const;
  // Of that key as it is now: "+ …", or "- … cleared".
  std::string line_of(const std::string& key) const;

private:
  struct Alarm {
    std::string severity, alarm, value, since;
  };
  std::map<std::string, Alarm> active_;
};

}  // namespace e2k::supervisor::ctl
