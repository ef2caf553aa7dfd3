// Pure. What the worker holds of a channel: a Channel a CA name, a Subscription a distinct mask (while
// entries go over a second one of it: crossings.h), an Entry an assignment. Kept lean: an idle channel with
// one entry costs some 200 bytes here, its name included once.
//
// Ownership: the ChannelTable owns them all, a subscription belongs to its channel, an entry to its
// subscription; the Monitors own the lists. Threads: fields marked (lock) are shared with libca's callbacks
// and touched under Delivery::lock only; all others belong to the *ca* thread. The lists change under the
// lock.
#pragma once

#include <cadef.h>

#include <cstdint>
#include <string_view>

#include "common/clock.h"
#include "common/ids.h"
#include "proto/mask.h"
#include "worker/ca/search/servers.h"
#include "worker/ca/way.h"

namespace e2k::worker {

class IntakeEntry;

namespace ca {

struct Channel;
struct Subscription;
struct Delivery;

inline constexpr uint8_t kNoType = 0xff;

struct Entry {
  IntakeEntry* handle = nullptr;         // (lock)
  Subscription* subscription = nullptr;  // (lock)
  Entry* next = nullptr;                 // (lock)
  EntryIndex index;                      // (lock) of `handle`
  bool resumes = false;                  // (lock) was served before; its first connection here ends a gap
  bool crosses = false;  // (lock) is about to go over to another subscription: see crossings.h
};

// A subscription asks for count 0, an array's present length. A server that answers that with an error, with
// nothing (kFirstEventNs), or for a scalar with no element, is asked for the native count. If that fails as
// well no data comes (EntryState::no_data), and it is tried again, ever more seldom.
struct Subscription {
  evid id = nullptr;
  Channel* channel = nullptr;
  Entry* entries = nullptr;  // (lock)
  Subscription* next = nullptr;
  int32_t last_status = ECA_NORMAL;  // (lock)
  Mask mask;
  uint8_t failures = 0;    // in a row, of both counts
  MonotonicNs made;        // when it was asked for last, or libca resumed it
  bool native = false;     // (lock) asked for with the native count
  bool answered = false;   // (lock) the last update had data, and came since it was made or libca resumed it
  bool brought = false;    // (lock) an event with data came since it was made
  bool unfit = false;      // (lock) the last update had no data
  bool watched = false;    // (lock) the Crossings want to know of its events
  bool due_again = false;  // another try is in the queue
  uint32_t arriving = 0;   // (lock) entries that are about to come over to it
  uint32_t departing = 0;  // (lock) entries of it that are about to go over to another

  bool is_idle() const { return !entries && arriving == 0; }  // nobody wants it
};

struct Channel {
  chid id = nullptr;
  Delivery* delivery = nullptr;
  Subscription* subscriptions = nullptr;  // (lock)
  uint32_t number = 0;                    // in the table; what searches carry
  uint32_t incarnation = 0;               // (lock) counts its chids: a notice of an older one is dropped
  search::ServerNumber server = search::kNoServer;  // that it is at, or that answered last
  uint32_t native_count = 0;                        // (lock) of the present or last connection
  uint32_t subscribed_count = 0;                    // (lock) for which the subscriptions were made
  uint8_t native_type = kNoType;                    // (lock)
  uint8_t subscribed_type = kNoType;                // (lock)
  Phase phase = Phase::searching;
  uint8_t circuit = 0;          // the CA priority with which it was created
  uint8_t refusals = 0;         // times that a server let go of it since its last connection
  bool connected : 1 = false;   // (lock)
  bool denied : 1 = false;      // (lock) connected, and may not be read
  bool muted : 1 = false;       // (lock) events are those of an outdated subscription
  bool condemned : 1 = false;   // (lock) this chid is about to be cleared: nothing of it counts any more
  bool excess_told = false;     // (lock) that it sends more elements than it declares
  bool malformed_told = false;  // (lock) that it sends fewer than it says
  bool introduced = false;      // libca was told where its server is
  bool bad_type = false;        // libca complained of a native type when it was refused last
  bool doomed = false;          // waits to be cleared, its entries are gone
  bool touched = false;         // in the list of what a batch changed
  uint16_t name_bytes = 0;
  char name_[1];  // name_bytes and a NUL; the table allocates what it takes

  std::string_view name() const { return {name_, name_bytes}; }
};

}  // namespace ca
}  // namespace e2k::worker
