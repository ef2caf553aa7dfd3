// Pure. What waits in a slot that has failed, lent to a worker that is there for nothing else.
//
// The channels of a slot that FAILED go to others at once; its last events of them wait in its logs, and what
// the others receive waits behind those. So they are published by a worker of a slot of its own, the
// *drainer*: it serves no channel, has the failed slot's logs as an estate, and leaves when they are
// published. None of the workers that serve gets them, because it may have been they that ended the slot's
// worker: then it is the drainer that dies, and after kMostDeaths nobody tries again before the slot ran.
// While they are lent the slot is not started. Who asks for that ends the loan; what is left then is the
// slot's own again.
#pragma once

#include <cstdint>

namespace e2k::supervisor {

// Of a slot, and of the fleet beside it.
struct LendingFacts {
  bool failed = true;      // and nobody asked for another start
  bool waits = true;       // events, in its logs
  bool holds = false;      // some of them are held: whether they are to go out nobody could tell the drainer
  bool in_vain = false;    // they were lent since it failed
  bool others_run = true;  // a worker that serves; where none does, what fails all would fail the drainer
};
bool is_to_be_lent(const LendingFacts& facts);

struct LoanFacts {
  bool failed = true;           // the slot has, and is one of the fleet's
  bool start_wanted = false;    // somebody asked for its start
  bool waits = true;            // something does in its logs, or nobody has looked yet
  bool drainer_failed = false;  // it is not started again
  bool drainer_runs = true;     // it greeted, and lives
  bool drainer_keeps = true;    // the slot's books name it: it has opened the logs
  uint32_t deaths = 0;          // of the drainer, in a row
};
enum class Loan : uint8_t {
  goes_on,
  over,
  in_vain,  // over, and what waits there stays until the slot's own worker is back
};
inline constexpr uint32_t kMostDeaths = 3;
Loan judge_loan(const LoanFacts& facts);

}  // namespace e2k::supervisor
