// Pure. An entry goes over from the subscription that serves it to another one of the same channel: its mask
// changed, or it was given a first value by a subscription of its own and another of its mask is there.
//
// Nothing is lost and nothing comes twice where it goes over while both are at the same event: what came
// until then came by the old one, what comes later comes by the new one. A server sends each subscription's
// events in their order, but promises none between two: what the new one brings first may be newer than what
// is still under way in the old one. So the entry waits, at most kMeetNs from the new one's first event,
// until both meet; as long the old one delivers. Masks that share no event never meet; then the new one's
// last event is what the entry begins with, unless the old one has passed it.
#pragma once

#include <cstdint>

#include "common/clock.h"
#include "worker/ca_event.h"

namespace e2k::worker::ca {

inline constexpr int64_t kMeetNs = kNsPerSecond / 2;

struct CrossingFacts {
  bool live = false;       // the channel is connected and may be read: the old subscription can bring events
  bool failed = false;     // the new subscription is refused, or brings no data
  bool brought = false;    // the new subscription brought an event
  bool due = false;        // kMeetNs ago
  EventIdentity old_last;  // the entry's last event
  EventIdentity new_last;  // the new subscription's, with `brought`
};

enum class Crossing : uint8_t {
  wait,
  go,
  go_with_last,  // the new subscription's last event is the entry's next one
};

// `event` was not delivered yet where `last` was.
inline bool is_ahead_of(const EventIdentity& event, const EventIdentity& last) {
  return event.stamp > last.stamp || (event.stamp == last.stamp && !event.is(last));
}

inline Crossing decide(const CrossingFacts& f) {
  if (f.brought && f.new_last.is(f.old_last)) return Crossing::go;
  if (f.live && !f.failed && !(f.brought && f.due)) return Crossing::wait;
  return f.brought && is_ahead_of(f.new_last, f.old_last) ? Crossing::go_with_last : Crossing::go;
}

}  // namespace e2k::worker::ca
