// Shell. Where the service listens that a client means.
#pragma once

#include <string>
#include <vector>

#include "common/config/directories.h"
#include "supervisor/ctl/client.h"

namespace e2k::supervisor::ctl {

// Those that the configuration names, where it can be read; then where services put theirs.
std::vector<Sockets> sockets_of(const std::string& configuration, const std::string& instance,
                                const config::Environment& environment);

}  // namespace e2k::supervisor::ctl
