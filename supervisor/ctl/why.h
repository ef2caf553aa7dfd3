// Shell. Why a channel brings no events, or that it does: `why NAME`.
#pragma once

#include <string>

#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

// Exit::ok: nothing is broken; Exit::degraded: something is; Exit::not_found: no command names the channel.
Exit show_why(const Client& client, const std::string& channel, const Output& output);

}  // namespace e2k::supervisor::ctl
