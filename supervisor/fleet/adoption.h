// Pure. Whether who speaks to the fleet is a worker of it.
//
// A worker is ours when this supervisor started it or found it (worker_records.h), it has not been reaped,
// and it shows the token that was in its launch contract. Nobody else is welcomed: a worker of a supervisor
// that is gone, and that left no record of it, is told to drain and end, and its log stays.
//
// A found worker greets when it is asked, by the number of our conversation; what it said to the supervisor
// before may come first, and is nothing that concerns us.
#pragma once

#include <cstdint>
#include <string>

#include "common/ids.h"
#include "proto/control_message.h"
#include "proto/ledger_reader.h"

namespace e2k::supervisor {

// The worker that was started, or found, last in a slot.
struct Started {
  Slot slot;
  Generation generation;
  bool runs = false;  // it has not been reaped
  std::string token;
  bool welcomed = false;
  uint64_t conversation = 0;  // that it was asked for; 0: it greets by itself
};

enum class Greeting {
  first,             // ours: to be welcomed
  repeated,          // ours, and welcomed: that has not reached it yet
  earlier,           // ours, and said in another conversation
  not_started_here,  // of a worker that this supervisor did not start, or has buried
  another_token,     // it speaks for a worker of ours and is not that one
};

// Whether what comes as `generation` of the slot may be taken for our worker's; `started`: of that slot, null
// where the fleet has no such slot.
bool is_ours(const Started* started, Generation generation);
Greeting judge(const Started* started, Generation generation, const Hello& hello);
// Why it is turned away; "" where it is not.
const char* refusal(Greeting greeting);

// Whether what it serves can be told from its books: the lines that they say are assigned, and the number
// that it greets with. "": it can; else why not. `ledger`: null where it can't be read.
std::string misfit(const ledger::LedgerReader* ledger, const Hello& hello);

// What a worker of an earlier supervisor has to do with the end of one that could not begin.
std::string books_are_held_by(Generation generation, int32_t pid);

}  // namespace e2k::supervisor
