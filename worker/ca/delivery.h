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
#include <string>
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
  explicit Delivery(Intake& to) : intake(to) {}
  Intake& intake;
  SpinLock lock;
  bool stopped = false;  // (lock) nothing is received any more
  Inbox inbox;
  std::unordered_map<const Entry*, Settling> settling;  // (lock)
};

extern "C" {
void e2k_on_connection(connection_handler_args args) noexcept;
void e2k_on_access_rights(access_rights_handler_args args) noexcept;
void e2k_on_event(event_handler_args args) noexcept;
// `usr` is the number of an entry that joined a live subscription: the answer to its reading of the value.
void e2k_on_first_value(event_handler_args args) noexcept;
}

// Whether the channel's circuit still stands in libca: its host's name where it does (then the server may be
// merely unresponsive), empty where it does not. Calls CA.
std::string circuit_host(chid id);
// "127.0.0.1:5064": where the channel is connected. libca may have resolved the host's name by now; then the
// address that answered the search is given, so that a server has one name. Calls CA.
std::string source_name(chid id, search::ServerAddress found_at);

// Puts an entry into a subscription of its channel. `host`: source_name of a connected channel. False: the
// channel is connected and the subscription live, so that the entry's first value has to be read for it
// (e2k_on_first_value); until then it gets no events.
bool link(Entry& entry, Subscription& subscription, const std::string& host);
void unlink(Entry& entry);
// Ends its Settling. The lock is held.
void settled(Entry& entry);

}  // namespace e2k::worker::ca
