// The part of the Keeper that makes CA's requests: channels, subscriptions, and what becomes of them.
#include <mutex>
#include <utility>

#include "common/log.h"
#include "worker/ca/keeper.h"

namespace e2k::worker::ca {
namespace {

using Lock = std::lock_guard<SpinLock>;
constexpr int64_t kReadablePatienceNs = kNsPerSecond;
constexpr int64_t kConnectingPatienceNs = 2 * kNsPerSecond;

}  // namespace

void Keeper::create(Channel& channel, search::ServerAddress server, MonotonicNs now) {
  {
    const Lock lock(delivery_.lock);
    channel.server = server;
    ++channel.incarnation;
  }
  channel.phase = Phase::connecting;
  const int status =
      ca_create_channel(channel.name_, e2k_on_connection, &channel, CA_PRIORITY_DEFAULT, &channel.id);
  if (status != ECA_NORMAL) {
    log::error("channel_refused channel={} reason={}", log::quoted(channel.name()),
               log::quoted(ca_message(status)));
    channel.id = nullptr;
  } else {
    ca_replace_access_rights_event(channel.id, e2k_on_access_rights);
  }
  connecting_.push_back(
      {channel.number, channel.incarnation, MonotonicNs{now.value + kConnectingPatienceNs}});
  flush_needed_ = true;
}

// Clears the channel in libca. No callback of this chid runs any more afterwards.
void Keeper::forget_chid(Channel& channel) {
  {
    const Lock lock(delivery_.lock);
    channel.condemned = true;
  }
  ca_clear_channel(std::exchange(channel.id, nullptr));
  flush_needed_ = true;
  const Lock lock(delivery_.lock);
  for (Subscription* s = channel.subscriptions; s; s = s->next) s->id = nullptr;  // they went with it
  channel.connected = channel.denied = channel.muted = channel.condemned = false;
  channel.subscribed_type = kNoType;
}

bool Keeper::may_clear(const Channel& channel, search::ServerAddress answered_by) const {
  return circuit_host(channel.id).empty() || answered_by != channel.server;
}

bool Keeper::recreate(Channel& channel, search::ServerAddress server, MonotonicNs now) {
  if (!may_clear(channel, server)) return false;
  {
    const Lock lock(delivery_.lock);
    if (channel.connected) return false;  // libca was faster; its notice is on the way
    channel.condemned = true;
  }
  search_->remove(channel.number, now);
  forget_chid(channel);
  create(channel, server, now);
  return true;
}

// One that libca refused is unknown to it, and its answer was used up: it is searched for from the start.
void Keeper::lose(Channel& channel, MonotonicNs now) {
  if (!channel.id) {
    channel.phase = Phase::searching;
    search_->add(channel.number, search::Persistence::until_answered, now);
    return;
  }
  channel.phase = Phase::lost;
  search_->lost().lost(channel.number, channel.server, now);
}

void Keeper::on_probe_answer(Channel& channel, search::ServerAddress server, MonotonicNs now) {
  const std::vector<search::NameId> companions = search_->lost().companions(channel.number);
  if (!recreate(channel, server, now)) {
    search_->lost().hold(channel.number);
    return;
  }
  log::info("server_returned server={} channels={}", search::to_string(server), companions.size());
  for (search::NameId id : companions)
    if (id != channel.number && !search_->searching(id))
      search_->add(id, search::Persistence::few_tries, now);
}

void Keeper::take(const Notice& notice, MonotonicNs now) {
  Channel* channel = table_.at(notice.channel);
  if (!channel || channel->incarnation != notice.incarnation || channel->doomed) return;
  bool connected;
  {
    const Lock lock(delivery_.lock);
    connected = channel->connected;
  }
  switch (notice.what) {
    case Notice::What::up:
      if (connected) on_up(*channel);
      break;
    case Notice::What::down:
      if (!connected && channel->phase != Phase::lost) lose(*channel, now);
      break;
    case Notice::What::readable:
      readable_.push_back(
          {channel->number, channel->incarnation, MonotonicNs{now.value + kReadablePatienceNs}});
      break;
  }
}

void Keeper::on_up(Channel& channel) {
  channel.phase = Phase::connected;
  search_->remove(channel.number, monotonic_now());
  bool outdated;
  {
    const Lock lock(delivery_.lock);
    outdated = channel.muted || channel.subscribed_type == kNoType;
  }
  if (outdated)
    subscribe_anew(channel);
  else
    subscribe(channel);
}

// libca cannot say that it is late: a type that is no type any more was lost again, and its notice follows.
void Keeper::subscribe(Channel& channel) {
  uint8_t type;
  {
    const Lock lock(delivery_.lock);
    type = channel.subscribed_type;
  }
  if (type > DBF_DOUBLE) return;
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    if (s->id || !s->entries) continue;
    const int status = ca_create_subscription(dbf_type_to_DBR_TIME(type), 0, channel.id, s->mask.bits,
                                              e2k_on_event, s, &s->id);
    flush_needed_ = true;
    if (status == ECA_NORMAL) continue;
    s->id = nullptr;
    log::error("subscription_refused channel={} reason={}", log::quoted(channel.name()),
               log::quoted(ca_message(status)));
    const Lock lock(delivery_.lock);
    for (Entry* e = s->entries; e; e = e->next) delivery_.intake.error(*e->handle, ca_message(status));
  }
}

void Keeper::subscribe_anew(Channel& channel) {
  for (Subscription* s = channel.subscriptions; s; s = s->next) unsubscribe(*s);
  {
    const Lock lock(delivery_.lock);
    channel.subscribed_type = channel.native_type;
    channel.subscribed_count = channel.native_count;
    channel.muted = false;
    for (Subscription* s = channel.subscriptions; s; s = s->next)
      for (Entry* e = s->entries; e; e = e->next) {
        e->joining = false;
        settled(*e);
      }
  }
  subscribe(channel);
}

void Keeper::unsubscribe(Subscription& subscription) {
  if (!subscription.id) return;
  ca_clear_subscription(std::exchange(subscription.id, nullptr));
  flush_needed_ = true;
}

// Read access came back a while ago: most servers let the subscription go on by themselves.
void Keeper::repair(Channel& channel) {
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    {
      const Lock lock(delivery_.lock);
      if (!s->unfit || !channel.connected || channel.denied) continue;
      s->unfit = false;
      s->last_status = ECA_NORMAL;
    }
    log::info("subscription_renewed channel={} reason=\"silent after read access came back\"",
              log::quoted(channel.name()));
    unsubscribe(*s);
  }
  if (channel.phase == Phase::connected) subscribe(channel);
}

void Keeper::read_first_value(Channel& channel, const Entry& entry) {
  uint8_t type;
  {
    const Lock lock(delivery_.lock);
    if (!entry.joining) return;
    type = channel.subscribed_type;
  }
  const int status =
      type > DBF_DOUBLE ? ECA_DISCONN
                        : ca_array_get_callback(dbf_type_to_DBR_TIME(type), 0, channel.id, e2k_on_first_value,
                                                reinterpret_cast<void*>(uintptr_t{entry.index.value}));
  flush_needed_ = true;
  if (status == ECA_NORMAL) return;
  // Disconnected, or not readable, since: the next connection brings the first value.
  const Lock lock(delivery_.lock);
  entries_[entry.index.value]->joining = false;
}

}  // namespace e2k::worker::ca
