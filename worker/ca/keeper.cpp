#include "worker/ca/keeper.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/log.h"
#include "common/text.h"

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
  }
  for (Channel* channel : touched_) tidy(*channel, now);
  touched_.clear();
  for (EntryIndex index : joined_)
    if (Entry* entry = entries_[index.value]) subscriber_.read_first_value(*entry, now);
  joined_.clear();
}

void Keeper::add(const AddEntry& item, MonotonicNs now) {
  const EntrySpec& spec = item.entry;
  const uint32_t index = item.index.value;
  std::string problem = problem_of(spec);
  if (index > kMaxEntryIndex) problem = "its index is out of range";
  if (index < entries_.size() && entries_[index]) problem = "its index is taken";
  if (!problem.empty()) {
    log::error("entry_refused index={} channel={} topic={} reason={}", index, log::quoted(spec.channel),
               log::quoted(spec.topic), log::quoted(problem));
    return;
  }
  const uint32_t flags = (item.never_connected_published ? ledger::kNeverConnectedPublished : 0) |
                         (item.was_connected ? ledger::kWasConnected : 0) |
                         (item.disconnected_published ? ledger::kDisconnectedPublished : 0);
  IntakeEntry* handle = delivery_.intake.open_entry(item.index, spec, flags);
  if (!handle) {
    log::error("entry_refused index={} channel={} reason=\"no room in the ledger\"", index,
               log::quoted(spec.channel));
    return;
  }
  Channel& channel = channel_for(settings_.latin1_names ? latin1_or_utf8(spec.channel) : spec.channel, now);
  auto* entry = table_.make_entry();
  entry->handle = handle;
  entry->index = item.index;
  entry->resumes = item.was_connected;
  if (index >= entries_.size()) entries_.resize(size_t{index} + 1);
  entries_[index] = entry;
  if (!link(*entry, subscription_for(channel, spec.mask))) joined_.push_back(item.index);
  connector_.introduce(channel, *entry);
  touch(channel);
  expect_connection(item.index, MonotonicNs{now.value + settings_.never_connected_after_s * kNsPerSecond});
}

Channel& Keeper::channel_for(const std::string& name, MonotonicNs now) {
  if (Channel* channel = table_.find(name)) {
    if (std::exchange(channel->doomed, false)) catch_up(*channel, now);
    connector_.wanted(*channel, false, now);
    return *channel;
  }
  Channel& channel = table_.make(name, delivery_);
  if (name.size() > search::kMaxSearchableNameBytes)
    log::warn("channel_unsearchable channel={} reason=\"no CA search frame holds so long a name\"",
              log::quoted(name));
  connector_.wanted(channel, true, now);
  return channel;
}

// One that the batch has left without entries while it is live is not used again: see keeper.h.
Subscription& Keeper::subscription_for(Channel& channel, Mask mask) {
  const Lock lock(delivery_.lock);
  for (Subscription* s = channel.subscriptions; s; s = s->next)
    if (s->mask == mask && (s->entries || !s->id || !channel.connected)) return *s;
  auto* made = table_.make_subscription();
  made->channel = &channel;
  made->mask = mask;
  made->next = channel.subscriptions;
  channel.subscriptions = made;
  return *made;
}

void Keeper::remove(const RemoveEntry& item) {
  Entry* entry = item.index.value < entries_.size() ? entries_[item.index.value] : nullptr;
  if (!entry) {
    log::warn("entry_unknown index={} what=remove", item.index.value);
    return;
  }
  entries_[item.index.value] = nullptr;
  touch(*entry->subscription->channel);
  unlink(*entry);
  delivery_.intake.close_entry(entry->handle);
  table_.free(entry);
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
      if (s->entries) {
        at = &s->next;
        continue;
      }
      *at = s->next;
      empty.push_back(s);
    }
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
  Entry* entry = index.value < entries_.size() ? entries_[index.value] : nullptr;
  if (!entry) return;
  const Channel& channel = *entry->subscription->channel;
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
}

MonotonicNs Keeper::next_turn(MonotonicNs now) const {
  if (clearing()) return now;
  MonotonicNs next = subscriber_.next_turn(connector_.next_turn(now));
  if (!never_connected_.empty()) next = std::min(next, never_connected_.front().at);
  return next;
}

void Keeper::flush() {
  const bool connector = connector_.take_flush_needed(), subscriber = subscriber_.take_flush_needed();
  if (std::exchange(flush_needed_, false) || connector || subscriber) ca_flush_io();
}

}  // namespace e2k::worker::ca
