// What holds for a slot after any sequence of events.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "supervisor/fleet/slot_machine.h"

namespace e2k::supervisor {
namespace {

bool lives(SlotPhase phase) {
  switch (phase) {
    case SlotPhase::starting:
    case SlotPhase::running:
    case SlotPhase::unresponsive:
    case SlotPhase::stopping:
    case SlotPhase::killing:
      return true;
    case SlotPhase::idle:
    case SlotPhase::backoff:
    case SlotPhase::failed:
    case SlotPhase::stopped:
      return false;
  }
  return false;
}

SlotEvent event_numbered(int number, Generation generation) {
  switch (number) {
    case 0:
      return StartRequested{};
    case 1:
      return Launched{generation, 5};
    case 2:
      return LaunchFailed{generation, "exec", 2};
    case 3:
      return Greeted{generation};
    case 4:
      return Heard{generation};
    case 5:
      return Exited{generation, 9};
    case 6:
      return Exited{generation, 0};
    case 7:
      return Exited{generation, 78 << 8};
    case 8:
      return StopRequested{};
    case 9:
      return RestartRequested{};
    case 10:
      return Lent{};
    case 11:
      return Returned{};
    default:
      return Tick{};
  }
}

RC_GTEST_PROP(SlotMachine, one_worker_at_a_time_and_every_wait_ends, ()) {
  SlotState state;
  const SlotSettings settings;
  MonotonicNs now{1};
  uint32_t next = 1;
  bool alive = false;
  const int events = *rc::gen::inRange(1, 200);
  for (int i = 0; i < events; ++i) {
    now.value += *rc::gen::inRange<int64_t>(0, 40'000) * kNsPerMs;
    const int number = *rc::gen::inRange(0, 15);
    // A launch answers once: as launched, or as failed; only a living worker exits.
    const bool about_death = number == 2 || (number >= 5 && number <= 7);
    if (about_death && !alive) continue;
    if (number == 2 && state.phase != SlotPhase::starting) continue;
    const Generation before = state.generation;
    const auto actions = step(state, event_numbered(number, before), now, settings, Generation{next}, 0.3);
    if (about_death) alive = false;
    for (const SlotAction& action : actions) {
      if (std::holds_alternative<LaunchWorker>(action)) {
        RC_ASSERT(!alive);
        RC_ASSERT(state.generation == Generation{next});
        alive = true;
        ++next;
      }
      if (std::holds_alternative<KillWorker>(action)) RC_ASSERT(alive);
    }
    RC_ASSERT(lives(state.phase) == alive);
    RC_ASSERT(!state.lent || !alive);
    // Whoever waits for more than a person's request or an exit that must come has a deadline.
    const bool waits = alive ? state.phase != SlotPhase::killing : state.phase == SlotPhase::backoff;
    RC_ASSERT(next_deadline(state, settings).has_value() == waits);
  }
}

}  // namespace
}  // namespace e2k::supervisor
