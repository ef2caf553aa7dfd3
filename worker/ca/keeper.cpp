#include "worker/ca/keeper.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/log.h"
#include "common/text.h"
#include "worker/ca/crossing.h"

namespace e2k::worker::ca {
namespace {

using Lock = std::lock_guard<SpinLock>;
constexpr int64_t kAskAgainWhetherSearchedNs = 200 * kNsPerMs;
// Far above any assignment; guards against a supervisor gone wild.
constexpr uint32_t kMaxEntryIndex = 1u << 26;

std::string problem_of(const EntrySpec& entry) {
  if (entry.mask.bits == 0 || entry.mask.bits > 15) return "its mask has no event (v, a, l, p)";
  if (entry.channel.empty() || entry.channel.size() > kMaxChannelNameBytes) return "its name's length";
  if (entry.channel.find('\0') != std::string::npos) return "a NUL in its name";
  return {};
}

uint32_t flags_of(const AddEntry& item) {
  return (item.never_connected_published ? ledger::kNeverConnectedPublished : 0) |
         (item.was_connected ? ledger::kWasConnected : 0) |
         (item.disconnected_published ? ledger::kDisconnectedPublished : 0);
}

}  // namespace

Keeper::Keeper(Delivery& delivery, search::Responder& responder, ConnectFailures& failures,
               const MonitorSettings& settings, const search::SearchEnvironment& environment)
    : delivery_(delivery),
      settings_(settings),
      environment_(environment),
      subscriber_(delivery, table_, environment.auto_array_bytes ? 0 : environment.max_array_bytes),
      connector_(delivery, table_, subscriber_, responder, failures) {}

Result<void> Keeper::open(MonotonicNs now) {
  return connector_.open(environment_, now);
}

void Keeper::apply(const std::vector<AssignItem>& items, MonotonicNs now) {
  for (const AssignItem& item : items) {
    if (const auto* entry = std::get_if<AddEntry>(&item)) add(*entry, now);
    if (const auto* entry = std::get_if<RemoveEntry>(&item)) remove(*entry);
    if (const auto* entry = std::get_if<ReleaseEntry>(&item)) release(*entry);
  }
  for (Channel* channel : touched_) tidy(*channel, now);
  touched_.clear();
  close_left();
}

void Keeper::take(const Notice& notice, MonotonicNs now) {
  if (notice.what != Notice::What::meeting && notice.what != Notice::What::crossed)
    return connector_.take(notice, now);
  if (notice.what == Notice::What::meeting)
    meetings_.push_back({notice.channel, notice.incarnation, MonotonicNs{now.value + kMeetNs}});
  close_left();
  if (Channel* channel = table_.at(notice.channel); channel && !channel->doomed) tidy(*channel, now);
}

void Keeper::note_assigned(EntryIndex index, Mask mask) {
  if (index.value >= assigned_.size()) assigned_.resize(size_t{index.value} + 1);
  const bool is = mask.bits != 0, was = assigned_[index.value];
  serves_ += (is ? 1u : 0u) - (was ? 1u : 0u);
  assigned_[index.value] = is;
  delivery_.intake.set_assigned(index, mask);
}

// Handles that entries left when they went over.
void Keeper::close_left() {
  std::vector<LeftHandle> left;
  {
    const Lock lock(delivery_.lock);
    left = delivery_.crossings.take_left();
  }
  for (const LeftHandle& l : left) {
    entries_[l.index.value] = nullptr;
    delivery_.intake.close_entry(l.handle);
  }
}

// What the index means now.
Entry* Keeper::find(EntryIndex index) {
  if (index.value >= entries_.size() || !entries_[index.value]) return nullptr;
  Entry* entry = entries_[index.value];
  {
    const Lock lock(delivery_.lock);
    if (entry->index == index || delivery_.crossings.last_index(*entry) == index) return entry;
  }
  close_left();  // it left that index
  return nullptr;
}

Channel& Keeper::channel_of(const Entry& entry) const {
  const Lock lock(delivery_.lock);
  return *entry.subscription->channel;
}

std::string Keeper::channel_name(const EntrySpec& spec) const {
  return settings_.latin1_names ? latin1_or_utf8(spec.channel) : spec.channel;
}

void Keeper::add(const AddEntry& item, MonotonicNs now) {
  const EntrySpec& spec = item.entry;
  const uint32_t index = item.index.value;
  Entry* old = item.replaces ? find(*item.replaces) : nullptr;
  Entry* const holder = find(item.index);
  std::string problem = problem_of(spec);
  if (index > kMaxEntryIndex) problem = "its index is out of range";
  if (holder && holder != old) problem = "its index is taken";
  if (!problem.empty()) {
    log::error("entry.refused index={} channel={} topic={} reason={}", index, log::quoted(spec.channel),
               log::quoted(spec.topic), log::quoted(problem));
    return;
  }
  if (old && channel_of(*old).name() == channel_name(spec)) return replace(item, *old, now);
  if (item.replaces) {
    log::warn("entry.unknown index={} what=replace channel={}", item.replaces->value,
              log::quoted(spec.channel));
    if (old) remove(RemoveEntry{*item.replaces});
  }
  const bool resumes = item.was_connected && !item.replaces && (!item.held || item.unserved);
  if (item.held && !delivery_.intake.hold(item.index)) {
    log::error("entry.refused index={} channel={} reason=\"it can't be held\"", index,
               log::quoted(spec.channel));
    return;
  }
  // Who served it before is not known any more: all that came goes out.
  if (!item.held && !item.replaces) (void)delivery_.intake.release(item.index, {});
  IntakeEntry* handle = delivery_.intake.open_entry(item.index, spec, flags_of(item), resumes);
  if (!handle) {
    log::error("entry.refused index={} channel={} reason=\"no room in the ledger\"", index,
               log::quoted(spec.channel));
    return;
  }
  Channel& channel = channel_for(channel_name(spec), now);
  auto* entry = table_.make_entry();
  entry->handle = handle;
  entry->index = item.index;
  entry->resumes = resumes;
  if (index >= entries_.size()) entries_.resize(size_t{index} + 1);
  entries_[index] = entry;
  {
    const Lock lock(delivery_.lock);
    link(*entry, fresh_subscription(channel, spec.mask));
  }
  connector_.introduce(channel, *entry);
  note_assigned(item.index, spec.mask);
  touch(channel);
  expect_connection(item.index, MonotonicNs{now.value + settings_.never_connected_after_s * kNsPerSecond});
}

void Keeper::replace(const AddEntry& item, Entry& entry, MonotonicNs now) {
  IntakeEntry* const handle = handle_for(item, entry);
  if (!handle) {
    log::error("entry.refused index={} channel={} reason=\"no room in the ledger\"", item.index.value,
               log::quoted(item.entry.channel));
    return;
  }
  Channel& channel = channel_for(channel_name(item.entry), now);
  if (item.index.value >= entries_.size()) entries_.resize(size_t{item.index.value} + 1);
  entries_[item.index.value] = &entry;
  // That it never connected is told once a command, and this is a new one.
  if (!item.never_connected_published)
    delivery_.intake.clear_flags(*handle, ledger::kNeverConnectedPublished);
  send_over(entry, item.entry.mask, handle, item.index);
  if (*item.replaces != item.index) note_assigned(*item.replaces, Mask{0});
  note_assigned(item.index, item.entry.mask);
  touch(channel);
  expect_connection(item.index, MonotonicNs{now.value + settings_.never_connected_after_s * kNsPerSecond});
}

// Its own, the one that it was going to have anyway, or a new one.
IntakeEntry* Keeper::handle_for(const AddEntry& item, const Entry& entry) {
  {
    const Lock lock(delivery_.lock);
    if (entry.index == item.index) return entry.handle;
    if (delivery_.crossings.last_index(entry) == item.index) return delivery_.crossings.last_handle(entry);
  }
  return delivery_.intake.open_entry(item.index, item.entry, flags_of(item));
}

void Keeper::send_over(Entry& entry, Mask mask, IntakeEntry* handle, EntryIndex index) {
  const Lock lock(delivery_.lock);
  Intake& intake = delivery_.intake;
  Channel& channel = *entry.subscription->channel;
  if (handle != entry.handle && channel.connected) {
    intake.set_step(*handle, ledger::Step::subscribing);
    intake.set_state(*handle, ledger::EntryState::connected);
  }
  const bool keeps_key = handle == entry.handle;  // a new one needs a first value
  Subscription& to = !keeps_key                         ? fresh_subscription(channel, mask)
                     : entry.subscription->mask == mask ? *entry.subscription
                                                        : target_for(entry, mask);
  delivery_.crossings.begin(entry, to, keeps_key ? nullptr : handle, index);
  // It was commanded anew: that it does not connect is told anew.
  if (!channel.connected) intake.set_state(*entry.handle, ledger::EntryState::pending);
}

Channel& Keeper::channel_for(const std::string& name, MonotonicNs now) {
  if (Channel* channel = table_.find(name)) {
    if (std::exchange(channel->doomed, false)) catch_up(*channel, now);
    connector_.wanted(*channel, false, now);
    return *channel;
  }
  Channel& channel = table_.make(name, delivery_);
  if (name.size() > search::kMaxSearchableNameBytes)
    log::warn("channel.unsearchable channel={} reason=\"no CA search frame holds so long a name\"",
              log::quoted(name));
  connector_.wanted(channel, true, now);
  return channel;
}

// One whose first event is still to come. The lock is held.
Subscription& Keeper::fresh_subscription(Channel& channel, Mask mask) {
  for (Subscription* s = channel.subscriptions; s; s = s->next)
    if (s->mask == mask && (!s->id || !s->answered || !channel.connected)) return *s;
  auto* made = table_.make_subscription();
  made->channel = &channel;
  made->mask = mask;
  made->next = channel.subscriptions;
  channel.subscriptions = made;
  return *made;
}

// Likewise, or one that is at the entry's last event just now. The lock is held.
Subscription& Keeper::target_for(const Entry& entry, Mask mask) {
  Channel& channel = *entry.subscription->channel;
  const EventIdentity last = delivery_.intake.last_event(*entry.handle);
  for (Subscription* s = channel.subscriptions; s; s = s->next)
    if (s->mask == mask && s->id && s->answered && s->entries &&
        delivery_.intake.last_event(*s->entries->handle).is(last))
      return *s;
  return fresh_subscription(channel, mask);
}

void Keeper::remove(const RemoveEntry& item) {
  Entry* entry = find(item.index);
  if (!entry) {
    log::warn("entry.unknown index={} what=remove", item.index.value);
    return;
  }
  note_assigned(item.index, Mask{0});
  Channel& channel = channel_of(*entry);
  IntakeEntry* handle;
  EntryIndex index;
  {
    const Lock lock(delivery_.lock);
    if (delivery_.crossings.last_index(*entry) != item.index)
      return;        // it is being replaced: it goes by itself
    unlink(*entry);  // what it was going to be is left
    handle = entry->handle;
    index = entry->index;
  }
  close_left();
  entries_[index.value] = nullptr;
  touch(channel);
  delivery_.intake.close_entry(handle);
  delivery_.intake.discard(index);
  table_.free(entry);
}

void Keeper::release(const ReleaseEntry& item) {
  (void)delivery_.intake.release(item.index, {item.after_stamp, item.after_hash});
}

void Keeper::touch(Channel& channel) {
  if (channel.touched) return;
  channel.touched = true;
  touched_.push_back(&channel);
}

void Keeper::tidy(Channel& channel, MonotonicNs now) {
  channel.touched = false;
  if (channel.phase == Phase::connected) subscriber_.subscribe(channel, now);
  std::vector<Subscription*> empty;
  {
    const Lock lock(delivery_.lock);
    Subscription** at = &channel.subscriptions;
    while (Subscription* s = *at) {
      if (!s->is_idle()) {
        at = &s->next;
        continue;
      }
      *at = s->next;
      empty.push_back(s);
    }
    if (!empty.empty()) delivery_.crossings.watch(channel);
  }
  // With no subscription left the channel goes, and they go with it; the list is the callbacks' no longer.
  for (Subscription* s : empty) {
    subscriber_.unsubscribe(*s);
    table_.free(s);
  }
  if (!channel.subscriptions) doom(channel, now);
}

void Keeper::doom(Channel& channel, MonotonicNs now) {
  if (!channel.id) {
    connector_.release(channel, now);
    table_.free(channel);
    return;
  }
  channel.doomed = true;
  doomed_.push_back(channel.number);
}

// Notices were not heeded while it was doomed.
void Keeper::catch_up(Channel& channel, MonotonicNs now) {
  take(Notice{channel.number, channel.incarnation, Notice::What::up}, now);
  take(Notice{channel.number, channel.incarnation, Notice::What::down}, now);
  connector_.revived(channel, now);
}

void Keeper::clear_some(MonotonicNs now) {
  for (size_t n = 0; n < kClearsATurn && !doomed_.empty(); ++n) {
    Channel* channel = table_.at(doomed_.front());
    doomed_.pop_front();
    if (!channel || !channel->doomed) continue;
    connector_.release(*channel, now);
    table_.free(*channel);
    flush_needed_ = true;
  }
}

void Keeper::doom_all(MonotonicNs now) {
  for (uint32_t number = 0; number < table_.numbers(); ++number)
    if (Channel* channel = table_.at(number)) doom(*channel, now);
}

void Keeper::expect_connection(EntryIndex index, MonotonicNs by) {
  if (!never_connected_.empty()) {
    EntriesDue& last = never_connected_.back();
    if (last.at == by && last.first + last.count == index.value) {
      ++last.count;
      return;
    }
  }
  never_connected_.push_back({index.value, 1, by});
}

void Keeper::not_connected_yet(EntryIndex index, MonotonicNs now) {
  const Entry* entry = find(index);
  if (!entry) return;
  const Channel& channel = channel_of(*entry);
  if (connector_.is_unasked(channel)) {
    expect_connection(index, MonotonicNs{now.value + kAskAgainWhetherSearchedNs});
    return;
  }
  connector_.introduce(channel, *entry);
  const Lock lock(delivery_.lock);
  Intake& intake = delivery_.intake;
  const uint32_t flags = intake.flags(*entry->handle);
  if (channel.connected || delivery_.stopped) return;
  const bool was_connected = (flags & ledger::kWasConnected) != 0;
  const uint32_t told = was_connected ? ledger::kDisconnectedPublished : ledger::kNeverConnectedPublished;
  intake.set_state(*entry->handle,
                   was_connected ? ledger::EntryState::disconnected : ledger::EntryState::never_connected);
  if (flags & told) return;
  intake.error(*entry->handle, was_connected ? "Disconnected" : "Never Connected", ledger::Thread::ca);
  intake.add_flags(*entry->handle, told);
}

void Keeper::turn(MonotonicNs now) {
  connector_.turn(now);
  while (!never_connected_.empty() && never_connected_.front().at <= now) {
    const EntriesDue due = never_connected_.front();
    never_connected_.pop_front();
    for (uint32_t n = 0; n < due.count; ++n) not_connected_yet(EntryIndex{due.first + n}, now);
  }
  subscriber_.on_time(now);
  look_at_meetings(now);
}

void Keeper::look_at_meetings(MonotonicNs now) {
  for (; !meetings_.empty() && meetings_.front().at <= now; meetings_.pop_front()) {
    Channel* channel = table_.at(meetings_.front().number);
    if (!channel || channel->doomed) continue;
    const Lock lock(delivery_.lock);
    delivery_.crossings.due(*channel, now);
  }
}

MonotonicNs Keeper::next_turn(MonotonicNs now) const {
  if (clearing()) return now;
  MonotonicNs next = subscriber_.next_turn(connector_.next_turn(now));
  if (!never_connected_.empty()) next = std::min(next, never_connected_.front().at);
  if (!meetings_.empty()) next = std::min(next, meetings_.front().at);
  return next;
}

void Keeper::flush() {
  const bool connector = connector_.take_flush_needed(), subscriber = subscriber_.take_flush_needed();
  if (std::exchange(flush_needed_, false) || connector || subscriber) ca_flush_io();
}

}  // namespace e2k::worker::ca
