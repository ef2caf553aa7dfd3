// Pure. What the worker holds of a channel: a Channel a CA name, a Subscription a distinct mask, an Entry an
// assignment. Kept lean: an idle channel with one entry costs some 170 bytes here, its name included once.
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
#include "worker/ca/search/codec.h"

namespace e2k::worker {

class IntakeEntry;

namespace ca {

struct Channel;
struct Subscription;
struct Delivery;

inline constexpr uint8_t kNoType = 0xff;

// An entry that joined a live subscription had its first value read; what the subscription still delivers of
// before that reading is not for it.
struct Settling {
  uint64_t stamp;  // of the value read: seconds << 32 | nanoseconds
  uint64_t digest;
  MonotonicNs until;
};

struct Entry {
  IntakeEntry* handle = nullptr;
  Subscription* subscription = nullptr;
  Entry* next = nullptr;  // (lock)
  EntryIndex index;
  bool resumes = false;   // (lock) was served before; its first connection here ends a gap
  bool joining = false;   // (lock) its first value is being read; events pass it by until then
  bool settling = false;  // (lock) the Delivery holds a Settling for it
};

struct Subscription {
  evid id = nullptr;
  Channel* channel = nullptr;
  Entry* entries = nullptr;  // (lock)
  Subscription* next = nullptr;
  int32_t last_status = ECA_NORMAL;  // (lock)
  Mask mask;
  bool unfit = false;  // (lock) the last update was an error, or none could be subscribed to
};

// Where the *ca* thread has got with a channel.
enum class Phase : uint8_t {
  searching,   // waits for a server's answer to our search; unknown to libca
  connecting,  // created in libca: waits for its connection; or refused by it: waits to be searched for again
  connected,
  lost,  // known to libca, not connected; its server is being probed for
};

struct Channel {
  chid id = nullptr;
  Delivery* delivery = nullptr;
  Subscription* subscriptions = nullptr;  // (lock)
  uint32_t number = 0;                    // in the table; what searches carry
  uint32_t incarnation = 0;               // (lock) counts its chids: a notice of an older one is dropped
  search::ServerAddress server;           // (lock) that answered the search
  uint32_t native_count = 0;              // (lock) of the present or last connection
  uint32_t subscribed_count = 0;          // (lock) for which the subscriptions were made
  uint8_t native_type = kNoType;          // (lock)
  uint8_t subscribed_type = kNoType;      // (lock)
  Phase phase = Phase::searching;
  bool connected : 1 = false;  // (lock)
  bool denied : 1 = false;     // (lock) connected, and may not be read
  bool muted : 1 = false;      // (lock) events are those of an outdated subscription
  bool condemned : 1 = false;  // (lock) this chid is about to be cleared: nothing of it counts any more
  bool doomed = false;         // waits to be cleared, its entries are gone
  bool touched = false;        // in the list of what a batch changed
  uint16_t name_bytes = 0;
  char name_[1];  // name_bytes and a NUL; the table allocates what it takes

  std::string_view name() const { return {name_, name_bytes}; }
};

}  // namespace ca
}  // namespace e2k::worker
