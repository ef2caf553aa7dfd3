// Shell. `monitor NAME`: a channel's records, read back from Kafka as they come, as camonitor prints events.
//
// Topic, key and the last record's place are asked of the supervisor; without one they have to be named. It
// ends with Ctrl-C, or after so many records.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "supervisor/ctl/topic_verbs.h"

namespace e2k::supervisor::ctl {

struct MonitorRequest {
  std::string channel, topic, outkey;
  std::map<std::string, std::string> value_options;  // whose registry has the schemas
  std::optional<size_t> count;
  bool from_beginning = false;
};

Exit monitor(const TopicUse& use, const MonitorRequest& request, const Client& client);

}  // namespace e2k::supervisor::ctl
