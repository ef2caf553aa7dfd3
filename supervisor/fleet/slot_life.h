// Pure. Whether a slot's worker runs and keeps its ledger.
#pragma once

#include "supervisor/fleet/slot_machine.h"

namespace e2k::supervisor {

inline bool is_alive(const SlotState& state) {
  switch (state.phase) {
    case SlotPhase::running:
    case SlotPhase::unresponsive:
    case SlotPhase::stopping:
      return true;
    case SlotPhase::idle:
    case SlotPhase::starting:
    case SlotPhase::killing:
    case SlotPhase::backoff:
    case SlotPhase::failed:
    case SlotPhase::stopped:
      return false;
  }
  return false;
}

}  // namespace e2k::supervisor
