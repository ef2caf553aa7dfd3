// Shell. `events`: what stands now, and with --follow a line for each change, until it is interrupted.
//
// Changes are found by comparing successive answers of the supervisor; what is not connected is asked for, up
// to 10,000 entries, so that it costs little where all is well.
#pragma once

#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

struct EventsRequest {
  bool follow = false;
  double interval_s = 1;
};

// A service that is gone ends it with Exit::not_running, unless it follows: then it waits for the next one.
Exit show_events(const Client& client, const EventsRequest& request, const Output& output);

}  // namespace e2k::supervisor::ctl
