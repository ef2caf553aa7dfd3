// Pure. Causes and remedies of blocked topics and lost events, and figures, in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/ledger_format.h"

namespace e2k::supervisor {

std::string bytes_text(uint64_t bytes);     // "12.5 MiB"
std::string duration_text(double seconds);  // "4 minutes"

// "does not exist"; of a topic that takes nothing.
const char* cause_of(ledger::Blocked why);
// A sentence or two, ending in how to see more.
std::string remedy_of(ledger::Blocked why, std::string_view topic);
// "" or a sentence with a blank behind it.
const char* remedy_of(ledger::LossReason reason);

}  // namespace e2k::supervisor
