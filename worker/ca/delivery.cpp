#include "worker/ca/delivery.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace e2k::worker::ca {
namespace {

using Lock = std::lock_guard<SpinLock>;
using ledger::EntryState;

// All dbr_time_* structures begin alike.
using TimeHeader = dbr_time_short;

template <class F>
void for_each_entry(const Channel& channel, F f) {
  for (Subscription* s = channel.subscriptions; s; s = s->next)
    for (Entry* e = s->entries; e; e = e->next) f(*e);
}

// The entry's channel is connected, or connected again.
void note_connection(Intake& intake, Entry& entry) {
  intake.add_flags(*entry.handle, ledger::kWasConnected);
  intake.clear_flags(*entry.handle, ledger::kDisconnectedPublished);
  if (std::exchange(entry.resumes, false)) intake.count_gap(*entry.handle);
}

CaEvent event_of(const event_handler_args& args) {
  const auto* header = static_cast<const TimeHeader*>(args.dbr);
  const auto* value = static_cast<const std::byte*>(args.dbr) + dbr_value_offset[args.type];
  const size_t bytes = static_cast<size_t>(args.count) * dbr_value_size[args.type];
  return {static_cast<uint8_t>(args.type - DBR_TIME_STRING),
          header->status,
          header->severity,
          header->stamp.secPastEpoch,
          header->stamp.nsec,
          static_cast<uint32_t>(args.count),
          {value, bytes}};
}

bool holds_data(const event_handler_args& args) {
  return args.status == ECA_NORMAL && args.dbr && args.count >= 0 && args.type >= DBR_TIME_STRING &&
         args.type <= DBR_TIME_DOUBLE;
}

uint64_t stamp_of(const CaEvent& event) {
  return uint64_t{event.stamp_seconds} << 32 | event.stamp_nanoseconds;
}

uint64_t digest_of(const CaEvent& event) {
  const std::string_view bytes(reinterpret_cast<const char*>(event.value.data()), event.value.size());
  const auto alarm = static_cast<uint64_t>(static_cast<uint16_t>(event.status)) << 16 |
                     static_cast<uint16_t>(event.severity);
  return std::hash<std::string_view>{}(bytes)*31 + alarm;
}

// True: the event is of before the entry's first value, or that very value.
bool already_had(Entry& entry, const CaEvent& event) {
  if (!entry.settling) return false;
  const Settling& s = entry.subscription->channel->delivery->settling.at(&entry);
  const uint64_t stamp = stamp_of(event);
  const bool old = stamp < s.stamp || (stamp == s.stamp && digest_of(event) == s.digest);
  if (old && monotonic_now() < s.until) return true;
  settled(entry);
  return false;
}

void on_up(Channel& channel, chid id) {
  const auto type = static_cast<uint8_t>(ca_field_type(id));
  const auto count = static_cast<uint32_t>(ca_element_count(id));
  const bool readable = ca_read_access(id) != 0;
  Delivery& d = *channel.delivery;
  search::ServerAddress server;
  {
    const Lock lock(d.lock);
    server = channel.server;
  }
  const std::string host = source_name(id, server);
  const Lock lock(d.lock);
  if (d.stopped || channel.condemned) return;
  channel.connected = true;
  channel.denied = !readable;
  channel.native_type = type;
  channel.native_count = count;
  // libca goes on with the subscriptions as they were made: nothing of an outdated one may pass.
  if (channel.subscribed_type != kNoType &&
      (channel.subscribed_type != type || channel.subscribed_count != count))
    channel.muted = true;
  for_each_entry(channel, [&](Entry& e) {
    d.intake.set_source(*e.handle, host, type, count);
    note_connection(d.intake, e);
    d.intake.set_state(*e.handle, readable ? EntryState::connected : EntryState::denied);
    if (!readable) d.intake.error(*e.handle, "Read access denied");
  });
  d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::up});
}

void on_down(Channel& channel) {
  Delivery& d = *channel.delivery;
  const Lock lock(d.lock);
  if (d.stopped || channel.condemned || !channel.connected) return;
  channel.connected = false;
  channel.denied = false;
  for_each_entry(channel, [&](Entry& e) {
    d.intake.set_state(*e.handle, EntryState::disconnected);
    d.intake.error(*e.handle, "Disconnected");
    d.intake.add_flags(*e.handle, ledger::kDisconnectedPublished);
  });
  d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::down});
}

}  // namespace

std::string circuit_host(chid id) {
  std::array<char, 64> host{};
  ca_get_host_name(id, host.data(), host.size());
  return host[0] == '<' ? std::string{} : std::string(host.data());
}

std::string source_name(chid id, search::ServerAddress found_at) {
  std::array<char, 64> host{};
  ca_get_host_name(id, host.data(), host.size());
  const std::string_view name(host.data());
  const size_t colon = name.rfind(':');
  const bool resolved = name.find_first_not_of("0123456789.:") != std::string_view::npos;
  if (resolved && colon != std::string_view::npos && name.substr(colon + 1) == std::to_string(found_at.port))
    return search::to_string(found_at);
  return std::string(name);
}

bool link(Entry& entry, Subscription& subscription, const std::string& host) {
  Channel& channel = *subscription.channel;
  Delivery& d = *channel.delivery;
  const Lock lock(d.lock);
  entry.subscription = &subscription;
  entry.next = subscription.entries;
  subscription.entries = &entry;
  if (!channel.connected) {
    d.intake.set_state(*entry.handle, EntryState::pending);
    return true;
  }
  d.intake.set_source(*entry.handle, host, channel.native_type, channel.native_count);
  note_connection(d.intake, entry);
  d.intake.set_state(*entry.handle, channel.denied ? EntryState::denied : EntryState::connected);
  if (channel.denied) d.intake.error(*entry.handle, "Read access denied");
  entry.joining = subscription.id && !channel.muted && !channel.denied;
  return !entry.joining;
}

void unlink(Entry& entry) {
  const Lock lock(entry.subscription->channel->delivery->lock);
  Entry** at = &entry.subscription->entries;
  while (*at != &entry) at = &(*at)->next;
  *at = entry.next;
  settled(entry);
}

void settled(Entry& entry) {
  if (std::exchange(entry.settling, false)) entry.subscription->channel->delivery->settling.erase(&entry);
}

extern "C" {

void e2k_on_connection(connection_handler_args args) noexcept {
  auto& channel = *static_cast<Channel*>(ca_puser(args.chid));
  if (args.op == CA_OP_CONN_UP)
    on_up(channel, args.chid);
  else
    on_down(channel);
}

// libca also reports lost rights after a connection loss, and the first rights before the connection: both
// find `connected` false.
void e2k_on_access_rights(access_rights_handler_args args) noexcept {
  auto& channel = *static_cast<Channel*>(ca_puser(args.chid));
  const bool readable = args.ar.read_access != 0;
  Delivery& d = *channel.delivery;
  const Lock lock(d.lock);
  if (d.stopped || channel.condemned || !channel.connected || channel.denied == !readable) return;
  channel.denied = !readable;
  for_each_entry(channel, [&](Entry& e) {
    d.intake.set_state(*e.handle, readable ? EntryState::connected : EntryState::denied);
    if (!readable) d.intake.error(*e.handle, "Read access denied");
  });
  if (readable) d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::readable});
}

void e2k_on_event(event_handler_args args) noexcept {
  auto& subscription = *static_cast<Subscription*>(args.usr);
  Channel& channel = *subscription.channel;
  Delivery& d = *channel.delivery;
  const Lock lock(d.lock);
  if (d.stopped || channel.condemned || channel.muted) return;
  if (holds_data(args)) {
    subscription.unfit = false;
    subscription.last_status = ECA_NORMAL;
    const CaEvent event = event_of(args);
    for (Entry* e = subscription.entries; e; e = e->next)
      if (!e->joining && !already_had(*e, event)) d.intake.event(*e->handle, event);
    return;
  }
  const int status = args.status == ECA_NORMAL ? ECA_GETFAIL : args.status;
  const bool repeated = status == subscription.last_status;
  subscription.unfit = true;
  subscription.last_status = status;
  // The access rights callback tells of lost read access; of anything else an error record does, once.
  if (status == ECA_NORDACCESS || repeated) return;
  for (Entry* e = subscription.entries; e; e = e->next) d.intake.error(*e->handle, ca_message(status));
}

void e2k_on_first_value(event_handler_args args) noexcept {
  auto& channel = *static_cast<Channel*>(ca_puser(args.chid));
  const EntryIndex index{static_cast<uint32_t>(reinterpret_cast<uintptr_t>(args.usr))};
  Delivery& d = *channel.delivery;
  const Lock lock(d.lock);
  if (d.stopped || channel.condemned) return;
  for_each_entry(channel, [&](Entry& e) {
    if (e.index != index || !e.joining) return;
    e.joining = false;
    if (!holds_data(args) || channel.muted) return;
    const CaEvent event = event_of(args);
    constexpr int64_t kSettlingNs = 2 * kNsPerSecond;
    e.settling = true;
    d.settling[&e] = {stamp_of(event), digest_of(event), MonotonicNs{monotonic_now().value + kSettlingNs}};
    d.intake.event(*e.handle, event);
  });
}

}  // extern "C"

}  // namespace e2k::worker::ca
