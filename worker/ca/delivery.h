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
#include <vector>

#include "worker/ca/channel.h"
#include "worker/ca/crossings.h"
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
  Crossings crossings{*this};        // (lock)
  MonotonicNs last_first_event{0};   // (lock) when a subscription was answered last
  std::vector<IntakeEntry*> takers;  // (lock) of the event at hand; kept for its room
};

extern "C" {
void e2k_on_connection(connection_handler_args args) noexcept;
void e2k_on_access_rights(access_rights_handler_args args) noexcept;
void e2k_on_event(event_handler_args args) noexcept;
}

// Whether libca has a circuit for the channel: it is connected, or its circuit stands and does not respond
// (yet). Calls CA.
bool has_circuit(chid id);

// The lock is held in the following.
// Puts a new entry into a subscription of its channel whose first event is still to come.
void link(Entry& entry, Subscription& subscription);
// Takes it out; wherever it was going.
void unlink(Entry& entry);
// All entries of the channel.
template <class F>
void for_each_entry(const Channel& channel, F f) {
  for (Subscription* s = channel.subscriptions; s; s = s->next)
    for (Entry* e = s->entries; e; e = e->next) f(*e);
}

}  // namespace e2k::worker::ca
