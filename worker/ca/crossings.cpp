#include "worker/ca/crossings.h"

#include <utility>

#include "worker/ca/crossing.h"
#include "worker/ca/delivery.h"

namespace e2k::worker::ca {
namespace {

void put_into(Entry& entry, Subscription& to) {
  Entry** at = &entry.subscription->entries;
  while (*at != &entry) at = &(*at)->next;
  *at = entry.next;
  if (entry.crosses) {
    --entry.subscription->departing;
    ++to.departing;
  }
  entry.subscription = &to;
  entry.next = to.entries;
  to.entries = &entry;
}

bool is_live(const Channel& channel) {
  return channel.connected && !channel.denied && !channel.muted;
}

}  // namespace

IntakeEntry* Crossings::last_handle(const Entry& entry) const {
  if (!entry.crosses) return entry.handle;
  const UnderWay& c = under_way_.at(&entry);
  return c.handle ? c.handle : entry.handle;
}

EntryIndex Crossings::last_index(const Entry& entry) const {
  if (!entry.crosses) return entry.index;
  const UnderWay& c = under_way_.at(&entry);
  return c.handle ? c.index : entry.index;
}

EventIdentity Crossings::last_of(const Entry& entry) const {
  return delivery_.intake.last_event(*entry.handle);
}

void Crossings::begin(Entry& entry, Subscription& to, IntakeEntry* handle, EntryIndex index) {
  if (entry.crosses) {
    UnderWay& before = under_way_.at(&entry);
    if (before.handle == handle) before.handle = nullptr;  // it goes on with it
    cancel(entry);
  }
  Channel& channel = *to.channel;
  if (&to == entry.subscription) {
    if (handle) take_handle(entry, handle, index);
    return changed(channel);
  }
  UnderWay& c = under_way_[&entry];
  c.to = &to;
  c.handle = handle;
  c.index = index;
  ++to.arriving;
  ++entry.subscription->departing;
  entry.crosses = true;
  if (to.answered && to.entries) {
    c.brought = true;
    c.last = last_of(*to.entries);
    c.due = MonotonicNs{INT64_MAX};
  }
  try_to_go(entry, last_of(entry), {});
  changed(channel);
}

void Crossings::cancel(Entry& entry) {
  if (!std::exchange(entry.crosses, false)) return;
  const auto place = under_way_.find(&entry);
  UnderWay& c = place->second;
  --c.to->arriving;
  --entry.subscription->departing;
  drop_copy(c);
  if (c.handle) left_.push_back({c.handle, c.index});
  under_way_.erase(place);
}

bool Crossings::try_to_go(Entry& entry, const EventIdentity& old_last, const Occasion& occasion) {
  const UnderWay& c = under_way_.at(&entry);
  CrossingFacts facts;
  facts.live = is_live(*entry.subscription->channel);
  facts.failed = occasion.failed;
  facts.brought = c.brought;
  facts.due = occasion.now >= c.due;
  facts.old_last = old_last;
  facts.new_last = c.last;
  switch (decide(facts)) {
    case Crossing::wait:
      return false;
    case Crossing::go:
      // A new key begins with the present value.
      go(entry, c.handle && c.brought ? last_event_of(c, occasion) : nullptr);
      return true;
    case Crossing::go_with_last:
      go(entry, last_event_of(c, occasion));
      return true;
  }
  return false;
}

const CaEvent* Crossings::last_event_of(const UnderWay& c, const Occasion& occasion) {
  if (occasion.event) return occasion.event;
  return c.holds ? &c.event : nullptr;
}

void Crossings::go(Entry& entry, const CaEvent* with) {
  // The copy lives until the end of this.
  auto place = under_way_.extract(&entry);
  UnderWay& c = place.mapped();
  entry.crosses = false;
  --c.to->arriving;
  --entry.subscription->departing;
  if (c.handle) take_handle(entry, c.handle, c.index);
  put_into(entry, *c.to);
  const Channel& channel = *c.to->channel;
  if (c.to->answered && is_live(channel)) {
    delivery_.intake.set_step(*entry.handle, ledger::Step::receiving);
    delivery_.intake.set_state(*entry.handle, ledger::EntryState::connected);
  }
  if (with) {
    // It can be as old as it likes.
    delivery_.intake.set_type(*entry.handle, channel.native_type, channel.native_count);
    delivery_.intake.event(*entry.handle, *with);
  }
  drop_copy(c);
}

void Crossings::take_handle(Entry& entry, IntakeEntry* handle, EntryIndex index) {
  delivery_.intake.take_over(*handle, *entry.handle);
  left_.push_back({std::exchange(entry.handle, handle), std::exchange(entry.index, index)});
}

void Crossings::note(UnderWay& c, const CaEvent& event, const EventIdentity& identity,
                     const EventIdentity& old_last) {
  c.last = identity;
  drop_copy(c);
  if (!std::exchange(c.brought, true)) c.due = MonotonicNs{monotonic_now().value + kMeetNs};
  if (!c.handle && !is_ahead_of(identity, old_last)) return;
  if (held_bytes_ + event.value.size() > kMostHeldBytes) {
    c.due = MonotonicNs{0};
    return;
  }
  c.value.assign(event.value.begin(), event.value.end());
  c.event = event;
  c.event.value = c.value;
  c.holds = true;
  held_bytes_ += c.value.size();
}

void Crossings::drop_copy(UnderWay& c) {
  if (std::exchange(c.holds, false)) held_bytes_ -= c.value.size();
}

const std::vector<Entry*>& Crossings::crossing_entries(const Channel& channel) {
  scratch_.clear();
  for_each_entry(channel, [&](Entry& e) {
    if (e.crosses) scratch_.push_back(&e);
  });
  return scratch_;
}

void Crossings::brought(Subscription& by, const CaEvent& event) {
  const EventIdentity identity = identity_of(event);
  Channel& channel = *by.channel;
  bool any = false, first = false;
  for (Entry* e : crossing_entries(channel)) {
    UnderWay& c = under_way_.at(e);
    const bool is_new = c.to == &by;
    if (!is_new && e->subscription != &by) continue;
    // The event at hand counts also where the spool had no room for it.
    const EventIdentity old_last = is_new ? last_of(*e) : identity;
    const bool waited = c.brought;
    if (is_new) note(c, event, identity, old_last);
    if (try_to_go(*e, old_last, {is_new ? &event : nullptr}))
      any = true;
    else
      first = first || (is_new && !waited);
  }
  if (first) delivery_.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::meeting});
  if (join_twins(channel)) any = true;
  if (any) changed(channel);
}

void Crossings::failed(Subscription& to) {
  if (to.arriving == 0) return;
  bool any = false;
  for (Entry* e : crossing_entries(*to.channel))
    if (under_way_.at(e).to == &to) any = try_to_go(*e, last_of(*e), {nullptr, true}) || any;
  if (any) changed(*to.channel);
}

void Crossings::channel_silent(Channel& channel) {
  bool any = false;
  for (Entry* e : crossing_entries(channel)) any = try_to_go(*e, last_of(*e), {}) || any;
  any = join_twins(channel) || any;
  if (any) changed(channel);
}

void Crossings::due(Channel& channel, MonotonicNs now) {
  bool any = false;
  for (Entry* e : crossing_entries(channel)) any = try_to_go(*e, last_of(*e), {nullptr, false, now}) || any;
  if (any) changed(channel);
}

// Younger ones stand before elder ones.
bool Crossings::join_twins(Channel& channel) {
  bool any = false;
  for (Subscription* younger = channel.subscriptions; younger; younger = younger->next)
    for (Subscription* elder = younger->next; elder && younger->entries; elder = elder->next)
      if (elder->mask == younger->mask && elder->entries) any = join(*younger, *elder) || any;
  return any;
}

bool Crossings::join(Subscription& younger, Subscription& elder) {
  const bool in_any_case = !younger.channel->connected;
  if (!in_any_case && (!younger.answered || !elder.answered)) return false;
  const EventIdentity at = last_of(*elder.entries);
  bool any = false;
  for (Entry *e = younger.entries, *next; e; e = next) {
    next = e->next;
    if (!in_any_case && !last_of(*e).is(at)) continue;
    put_into(*e, elder);
    any = true;
  }
  return any;
}

void Crossings::watch(Channel& channel) {
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    s->watched = s->arriving > 0 || s->departing > 0;
    for (const Subscription* t = channel.subscriptions; t && !s->watched; t = t->next)
      s->watched = t != s && t->mask == s->mask && t->entries && s->entries;
  }
}

void Crossings::changed(Channel& channel) {
  watch(channel);
  delivery_.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::crossed});
}

}  // namespace e2k::worker::ca
