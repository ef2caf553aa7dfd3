// Shell. libca's callbacks: from the wire into the Intake.
//
// The callbacks of one context are serialised by libca and run on its threads. They copy (Intake::event and
// error), keep the entries' states, ask libca only for what it holds in memory (type, count, rights, host),
// and leave everything that makes a request to the *ca* thread, by a notice in the inbox. States and error
// records are written here and not there, so that they stand in the log between the events where they belong.
//
// The lock guards what the callbacks share with the *ca* thread (see channel.h). It is a spin lock: taken for
// every event, almost never contended. Never call CA while holding it.
// Nothing may throw out of a callback: they are noexcept, an exception ends the worker, which is restarted.
#pragma once

#include <cadef.h>

#include <atomic>
#include <thread>
#include <unordered_map>

#include "worker/ca/channel.h"
#include "worker/ca/inbox.h"
#include "worker/intake.h"

namespace e2k::worker::ca {

class SpinLock {
public:
  void lock() noexcept {
    while (flag_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() noexcept { flag_.clear(std::memory_order_release); }

private:
  std::atomic_flag flag_;
};

struct Delivery {
  explicit Delivery(Intake& to, bool tells_returns = false) : intake(to), connection_events(tells_returns) {}
  Intake& intake;
  const bool connection_events;  // a record for each return (output.connection_events)
  SpinLock lock;
  bool stopped = false;  // (lock) nothing is received any more
  Inbox inbox;
  std::unordered_map<const Entry*, Settling> settling;  // (lock)
  MonotonicNs last_first_event{0};                      // (lock) when a subscription was answered last
};

extern "C" {
void e2k_on_connection(connection_handler_args args) noexcept;
void e2k_on_access_rights(access_rights_handler_args args) noexcept;
void e2k_on_event(event_handler_args args) noexcept;
// `usr` is the number of an entry that joined a live subscription: the answer to its reading of the value.
void e2k_on_first_value(event_handler_args args) noexcept;
}

// Whether libca has a circuit for the channel: it is connected, or its circuit stands and does not respond
// (yet). Calls CA.
bool has_circuit(chid id);

// Puts an entry into a subscription of its channel. False: the channel is connected and the subscription
// live, so that the entry's first value has to be read for it (e2k_on_first_value); until then it gets no
// events.
bool link(Entry& entry, Subscription& subscription);
void unlink(Entry& entry);
// Ends its Settling. The lock is held.
void settled(Entry& entry);
// All entries of the channel. The lock is held.
template <class F>
void for_each_entry(const Channel& channel, F f) {
  for (Subscription* s = channel.subscriptions; s; s = s->next)
    for (Entry* e = s->entries; e; e = e->next) f(*e);
}

}  // namespace e2k::worker::ca
