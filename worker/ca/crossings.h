// Shell. The entries that are about to go over to another subscription, or to another record key, and how
// they do; crossing.h decides when.
//
// An entry is served by one subscription at a time and has one handle of the Intake. With a new key it goes
// over to a new handle together with the subscription, and the event at which both meet is the new key's
// first value. What it leaves behind (a handle, a subscription without entries) the *ca* thread closes; a
// notice tells it so.
//
// Subscriptions of one mask on one channel are twins: one came into being for an entry that had to have a
// first value. Where both are at the same event, the younger one's entries join the elder.
//
// Threads: libca's callbacks and the *ca* thread; all functions are called with Delivery::lock held.
// A subscription is `watched` while one of these concerns it: others pay nothing.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

#include "worker/ca/channel.h"
#include "worker/ca_event.h"

namespace e2k::worker::ca {

// Of Entry::crosses.
struct UnderWay {
  Subscription* to = nullptr;
  IntakeEntry* handle = nullptr;  // nullptr: it keeps its own
  EntryIndex index;               // of `handle`
  bool brought = false;
  bool holds = false;  // a copy of the last event that `to` brought
  MonotonicNs due{0};  // with `brought`
  EventIdentity last;  // with `brought`
  CaEvent event{};     // with `holds`; its value is `value`
  std::vector<std::byte> value;
};

// A handle that nothing delivers to any more: to be closed.
struct LeftHandle {
  IntakeEntry* handle;
  EntryIndex index;
};

class Crossings {
public:
  // All copies together; beyond that an entry takes what comes first and goes.
  static constexpr size_t kMostHeldBytes = 64u << 20;

  explicit Crossings(Delivery& delivery) : delivery_(delivery) {}

  // From now on the entry is to be served by `to` and, unless it is nullptr, under `handle`. What it was
  // about to do before is forgotten. `to` may be its present subscription.
  void begin(Entry& entry, Subscription& to, IntakeEntry* handle, EntryIndex index);
  // Forgets it; the handle that it was to have is left.
  void cancel(Entry& entry);
  // The handle and index that it will have, or has.
  IntakeEntry* last_handle(const Entry& entry) const;
  EntryIndex last_index(const Entry& entry) const;

  // A watched subscription brought an event, which its entries have been given.
  void brought(Subscription& by, const CaEvent& event);
  // `to` brings no data: the entries that wait for it are its now.
  void failed(Subscription& to);
  // The channel brings no events for now: nobody waits.
  void channel_silent(Channel& channel);
  void due(Channel& channel, MonotonicNs now);
  // Subscriptions, or who is in them, changed.
  void watch(Channel& channel);

  std::vector<LeftHandle> take_left() { return std::exchange(left_, {}); }
  size_t under_way() const { return under_way_.size(); }
  size_t held_bytes() const { return held_bytes_; }

private:
  struct Occasion {
    const CaEvent* event = nullptr;  // the one at hand, if `to` brought it
    bool failed = false;
    MonotonicNs now{0};
  };
  // True: it went.
  bool try_to_go(Entry& entry, const EventIdentity& old_last, const Occasion& occasion);
  void go(Entry& entry, const CaEvent* with);
  static const CaEvent* last_event_of(const UnderWay& crossing, const Occasion& occasion);
  void take_handle(Entry& entry, IntakeEntry* handle, EntryIndex index);
  void note(UnderWay& crossing, const CaEvent& event, const EventIdentity& identity,
            const EventIdentity& old_last);
  void drop_copy(UnderWay& crossing);
  bool join_twins(Channel& channel);
  bool join(Subscription& younger, Subscription& elder);
  EventIdentity last_of(const Entry& entry) const;
  const std::vector<Entry*>& crossing_entries(const Channel& channel);
  void changed(Channel& channel);

  Delivery& delivery_;
  std::unordered_map<const Entry*, UnderWay> under_way_;
  std::vector<LeftHandle> left_;
  std::vector<Entry*> scratch_;
  size_t held_bytes_ = 0;
};

}  // namespace e2k::worker::ca
