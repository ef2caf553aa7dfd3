// Shell. Another number of workers, and how it ended.
#pragma once

#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

struct ScaleRequest {
  int workers = 0;
  double wait_s = 60;  // until there are so many and no channel is on its way any more; 0: only asks for it
};

Exit scale_workers(const Client& client, const ScaleRequest& request, const Output& output);

}  // namespace e2k::supervisor::ctl
