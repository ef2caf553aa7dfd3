// Shell. `events`: what stands now, and with --follow a line for each change, until it is interrupted; as the
// supervisor sends it (GET /events).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

// A service that is gone ends it with Exit::not_running, unless it follows: then it waits for the next one.
Exit show_events(const Client& client, bool follow, const Output& output);

// Of a transition as it is sent: {"time","what","before","state","text"}.
std::string event_line(const nlohmann::json& transition);

}  // namespace e2k::supervisor::ctl
