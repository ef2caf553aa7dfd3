// Shell. `top`: the service on a full screen until q, or a line every few seconds where there is no terminal.
#pragma once

#include <optional>

#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

struct TopRequest {
  double interval_s = 2;
  std::optional<size_t> count;  // of screens or lines
};

Exit show_top(const Client& client, const TopRequest& request, bool on_terminal, const Output& output);

}  // namespace e2k::supervisor::ctl
