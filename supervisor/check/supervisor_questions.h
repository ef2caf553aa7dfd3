// Shell. How old the stamps of channels are, by topic: what a running supervisor of this configuration knows.
//
// Blocking, under the deadline: what is not read by then is said in `words`.
#pragma once

#include "common/config/config.h"
#include "supervisor/check/facts.h"
#include "supervisor/commands/deadline.h"

namespace e2k::supervisor::check {

StampFacts ask_stamps(const Config& config, const Deadline& deadline);

}  // namespace e2k::supervisor::check
