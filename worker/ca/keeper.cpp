#include "worker/ca/keeper.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/log.h"

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

Keeper::Keeper(Delivery& delivery, int64_t never_connected_after_s)
    : delivery_(delivery), never_connected_after_ns_(never_connected_after_s * kNsPerSecond) {}

Keeper::~Keeper() = default;

Result<void> Keeper::open() {
  auto client = search::SearchClient::open(table_);
  if (!client) return tl::unexpected(client.error());
  search_ = std::move(*client);
  return {};
}

void Keeper::apply(const std::vector<AssignItem>& items, MonotonicNs now) {
  for (const AssignItem& item : items) {
    if (const auto* entry = std::get_if<AddEntry>(&item)) add(*entry, now);
    if (const auto* entry = std::get_if<RemoveEntry>(&item)) remove(*entry);
  }
  for (Channel* channel : touched_) tidy(*channel);
  touched_.clear();
  for (EntryIndex index : joined_)
    if (const Entry* entry = entries_[index.value]) read_first_value(*entry->subscription->channel, *entry);
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
  Channel& channel = channel_for(spec.channel, now);
  auto* entry = table_.make_entry();
  entry->handle = handle;
  entry->index = item.index;
  entry->resumes = item.was_connected;
  if (index >= entries_.size()) entries_.resize(size_t{index} + 1);
  entries_[index] = entry;
  const std::string host = channel.id ? source_name(channel.id, channel.server) : std::string{};
  if (!link(*entry, subscription_for(channel, spec.mask), host)) joined_.push_back(item.index);
  touch(channel);
  expect_connection(item.index, MonotonicNs{now.value + never_connected_after_ns_});
}

Channel& Keeper::channel_for(const std::string& name, MonotonicNs now) {
  if (Channel* channel = table_.find(name)) {
    if (std::exchange(channel->doomed, false)) catch_up(*channel, now);
    // Somebody asks for it: a search that has become rare begins anew.
    if (channel->phase == Phase::searching && search_->was_asked(channel->number))
      search_->add(channel->number, search::Persistence::until_answered, now);
    return *channel;
  }
  Channel& channel = table_.make(name, delivery_);
  if (name.size() > search::kMaxSearchableNameBytes)
    log::warn("channel_unsearchable channel={} reason=\"no CA search frame holds so long a name\"",
              log::quoted(name));
  search_->add(channel.number, search::Persistence::until_answered, now);
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

void Keeper::tidy(Channel& channel) {
  channel.touched = false;
  if (channel.phase == Phase::connected) subscribe(channel);
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
    unsubscribe(*s);
    table_.free(s);
  }
  if (!channel.subscriptions) doom(channel);
}

void Keeper::doom(Channel& channel) {
  if (!channel.id) {
    search_->remove(channel.number, monotonic_now());
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
}

void Keeper::clear_some() {
  for (size_t n = 0; n < kClearsATurn && !doomed_.empty(); ++n) {
    Channel* channel = table_.at(doomed_.front());
    doomed_.pop_front();
    if (!channel || !channel->doomed) continue;
    search_->remove(channel->number, monotonic_now());
    forget_chid(*channel);
    table_.free(*channel);
  }
}

void Keeper::doom_all() {
  for (uint32_t number = 0; number < table_.numbers(); ++number)
    if (Channel* channel = table_.at(number)) doom(*channel);
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
  if (channel.phase == Phase::searching && channel.name_bytes <= search::kMaxSearchableNameBytes &&
      !search_->was_asked(channel.number)) {
    expect_connection(index, MonotonicNs{now.value + kAskAgainWhetherSearchedNs});
    return;
  }
  const Lock lock(delivery_.lock);
  Intake& intake = delivery_.intake;
  const uint32_t flags = intake.flags(*entry->handle);
  if (channel.connected || delivery_.stopped) return;
  if (flags & ledger::kWasConnected) {
    intake.set_state(*entry->handle, ledger::EntryState::disconnected);
    // It was lost while nobody looked: the last record that Kafka has of it is a good value.
    if (flags & ledger::kDisconnectedPublished) return;
    intake.error(*entry->handle, "Disconnected");
    intake.add_flags(*entry->handle, ledger::kDisconnectedPublished);
    return;
  }
  intake.set_state(*entry->handle, ledger::EntryState::never_connected);
  if (flags & ledger::kNeverConnectedPublished) return;
  intake.error(*entry->handle, "Never Connected");
  intake.add_flags(*entry->handle, ledger::kNeverConnectedPublished);
}

Channel* Keeper::current(const Due& due) const {
  Channel* channel = table_.at(due.number);
  return channel && channel->incarnation == due.incarnation && !channel->doomed ? channel : nullptr;
}

// A doomed one may be wanted again and is still waited for.
bool Keeper::is_connecting(const Due& due) const {
  const Channel* channel = table_.at(due.number);
  return channel && channel->incarnation == due.incarnation && channel->phase == Phase::connecting;
}

void Keeper::on_time(MonotonicNs now) {
  while (!never_connected_.empty() && never_connected_.front().at <= now) {
    const EntriesDue due = never_connected_.front();
    never_connected_.pop_front();
    for (uint32_t n = 0; n < due.count; ++n) not_connected_yet(EntryIndex{due.first + n}, now);
  }
  while (!connecting_.empty()) {
    const Due due = connecting_.front();
    if (due.at > now && is_connecting(due)) break;
    connecting_.pop_front();
    if (Channel* channel = current(due); channel && is_connecting(due)) lose(*channel, now);
  }
  for (; !readable_.empty() && readable_.front().at <= now; readable_.pop_front())
    if (Channel* channel = current(readable_.front())) repair(*channel);
}

MonotonicNs Keeper::next_turn(MonotonicNs now) const {
  MonotonicNs next = search_->next_turn(now);
  if (!never_connected_.empty()) next = std::min(next, never_connected_.front().at);
  for (const std::deque<Due>* dues : {&connecting_, &readable_})
    if (!dues->empty()) next = std::min(next, dues->front().at);
  return clearing() ? now : next;
}

void Keeper::flush() {
  if (std::exchange(flush_needed_, false)) ca_flush_io();
}

void Keeper::search(MonotonicNs now) {
  results_.clear();
  search_->turn(now, results_);
  for (const search::FoundName& found : results_.found) {
    Channel* channel = table_.at(found.id);
    if (!channel || channel->doomed) continue;
    switch (channel->phase) {
      case Phase::searching:
        create(*channel, found.server, now);
        break;
      case Phase::lost:
        recreate(*channel, found.server, now);
        break;
      case Phase::connecting:
      case Phase::connected:
        break;
    }
  }
  for (const search::FoundName& answer : results_.probed)
    if (Channel* channel = table_.at(answer.id); channel && channel->phase == Phase::lost && !channel->doomed)
      on_probe_answer(*channel, answer.server, now);
}

}  // namespace e2k::worker::ca
