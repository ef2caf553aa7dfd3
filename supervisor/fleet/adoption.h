// Pure. Whether who speaks to the fleet is a worker of it.
//
// A worker is ours when this supervisor started it, it has not been reaped, and it shows the token that was
// in its launch contract. Nobody else is welcomed: a worker of a supervisor that is gone is told to drain and
// end, and its log stays.
#pragma once

#include <cstdint>
#include <string>

#include "common/ids.h"
#include "proto/control_message.h"

namespace e2k::supervisor {

// The worker that was started last in a slot.
struct Started {
  Slot slot;
  Generation generation;
  bool runs = false;  // it has not been reaped
  std::string token;
  bool welcomed = false;
};

enum class Greeting {
  first,             // ours: to be welcomed
  repeated,          // ours, and welcomed: that has not reached it yet
  not_started_here,  // of a worker that this supervisor did not start, or has buried
  another_token,     // it speaks for a worker of ours and is not that one
};

// Whether what comes as `generation` of the slot may be taken for our worker's; `started`: of that slot, null
// where the fleet has no such slot.
bool is_ours(const Started* started, Generation generation);
Greeting judge(const Started* started, Generation generation, const Hello& hello);
// Why it is turned away; "" where it is not.
const char* refusal(Greeting greeting);

// What a worker of an earlier supervisor has to do with the end of one that could not begin.
std::string books_are_held_by(Generation generation, int32_t pid);

}  // namespace e2k::supervisor
