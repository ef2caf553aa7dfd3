// Shell. What the brokers tell of themselves, the command topic and the output topics.
//
// Blocking, all of it under the deadline that is handed in. Nothing is created or changed: no topic is made
// by asking for it, no group is joined, nothing is committed.
#pragma once

#include "common/config/config.h"
#include "supervisor/check/facts.h"
#include "supervisor/commands/deadline.h"

namespace e2k::supervisor::check {

// Fills in `brokers`, `commands` and `outputs`. Where no broker answers, only the first of them.
void ask_kafka(const Config& config, const Deadline& deadline, Facts& facts);

}  // namespace e2k::supervisor::check
