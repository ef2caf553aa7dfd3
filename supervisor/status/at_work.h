// Pure. What a worker's threads were at work on when it died, by the names that people know.
#pragma once

#include <string>

#include "supervisor/commands/command_state.h"
#include "supervisor/fleet/obituary.h"
#include "supervisor/plan/book.h"

namespace e2k::supervisor {

const char* name_of(ledger::Thread thread);  // "publish"
// "publish: TOPIC/CHANNEL; ca: line 7 of no entry"; "" where all were at rest.
std::string at_work_text(const Obituary& worker, const Book& book, const CommandState& commands);

}  // namespace e2k::supervisor
