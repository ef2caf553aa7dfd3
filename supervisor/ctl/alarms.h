// Shell. `alarms`: which channels are in alarm, by a topic of active alarms (active_alarms.h), read from its
// beginning without a group; with `monitor` it goes on, and prints what comes and goes until Ctrl-C.
#pragma once

#include <string>

#include "supervisor/ctl/topic_verbs.h"

namespace e2k::supervisor::ctl {

struct AlarmsRequest {
  std::string topic = "active-alarms";
  bool monitor = false;
};

Exit alarms(const TopicUse& use, const AlarmsRequest& request);

}  // namespace e2k::supervisor::ctl
