// Shell. A reload of the service, and how it ended.
#pragma once

#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

// Asks for it and waits until the installed program runs in place of the one before, or has refused the
// configuration: then Exit::failed, with its words. `wait_s` 0: only asks for it.
Exit reload_service(const Client& client, double wait_s, const Output& output);

}  // namespace e2k::supervisor::ctl
