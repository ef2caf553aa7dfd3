// Pure. What of the slots, and of what their workers say, an operator must know: a message for each kind, ""
// where nothing is amiss.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "supervisor/fleet/slot_machine.h"

namespace e2k::supervisor {

// One slot, and the last words of its worker, "" where it said nothing.
struct SlotFacts {
  Slot slot;
  const SlotState* state;
  std::string schema_problem, address_problem;
  uint64_t waiting = 0;                        // events, in its logs
  std::optional<Slot> drainer = std::nullopt;  // who publishes them, where it has failed
};

struct WorkerProblems {
  std::string failed;           // WORKER_FAILED
  std::string failing;          // WORKER_FAILING
  std::string limits;           // LIMITS
  std::string schema_registry;  // SCHEMA_REGISTRY
};
WorkerProblems judge_workers(const std::vector<SlotFacts>& slots);

// ADDRESS_UNRESOLVED, by what living workers say.
std::string address_problem(const std::vector<SlotFacts>& slots);

}  // namespace e2k::supervisor
