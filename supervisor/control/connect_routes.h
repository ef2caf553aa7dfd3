// Pure. The paths that Kafka Connect has for a connector: /connectors… and /connector-plugins.
//
// What Connect makes, changes and removes by HTTP is this service's command topic and configuration file:
// such requests are told so. Whether the connector and the task exist is not looked at here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "supervisor/control/route_match.h"

namespace e2k::supervisor {

// `path`: decoded segments, at least one.
std::optional<RouteMatch> match_connect(const std::vector<std::string>& path);

}  // namespace e2k::supervisor
