// Shell. `doctor`: everything that a service depends on, looked at from this machine, a line each with what
// mends it.
//
// Brokers, topics, rights and registries are asked as `--check --connect` does (supervisor/check); beside
// them the configuration, a running service, directories, limits, addresses and clocks. Nothing is changed.
#pragma once

#include <string>

#include "common/config/directories.h"
#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

struct DoctorRequest {
  std::string configuration;  // "": that of the running service, else the instance's usual one
  std::string instance;
};

// Exit::ok: all is well; Exit::degraded: there are warnings; Exit::failed: something is broken.
Exit examine(const Client& client, const DoctorRequest& request, const config::Environment& environment,
             const Output& output);

}  // namespace e2k::supervisor::ctl
