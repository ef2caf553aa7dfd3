// Pure. What the configuration says of monitoring.
#pragma once

#include <cstdint>

namespace e2k::worker {

struct MonitorSettings {
  int64_t never_connected_after_s = 5;
  bool connection_events = false;  // output.connection_events: a record for each return, too
  bool latin1_names = false;       // output.name_encoding = "latin-1"
};

}  // namespace e2k::worker
