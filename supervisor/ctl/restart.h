// Shell. Restarting workers, and how it ended.
#pragma once

#include <cstdint>
#include <optional>

#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

struct RestartRequest {
  std::optional<uint16_t> slot;  // none: every worker, or
  bool only_failed = false;      // those that are no longer restarted by themselves
  bool rolling = false;          // one after the other
  double wait_s = 60;            // until all of them run again; 0: only asks for it
};

// A line for each worker that runs again. One that ends anew, or does not come, is a failure.
Exit restart_workers(const Client& client, const RestartRequest& request, const Output& output);

}  // namespace e2k::supervisor::ctl
