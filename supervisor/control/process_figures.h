// Shell. Reads the figures of this process from /proc.
#pragma once

#include "supervisor/control/metrics.h"

namespace e2k::supervisor {

// What cannot be read stays 0.
ProcessFigures own_process_figures();

}  // namespace e2k::supervisor
