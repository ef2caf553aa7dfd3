#include "worker/ca/delivery.h"

#include <algorithm>
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

// The entry's channel is connected, or connected again.
void note_connection(Delivery& d, Entry& entry, ledger::Thread by) {
  d.intake.add_flags(*entry.handle, ledger::kWasConnected);
  if (std::exchange(entry.resumes, false)) d.intake.count_gap(*entry.handle);
  if ((d.intake.flags(*entry.handle) & ledger::kDisconnectedPublished) == 0) return;
  d.intake.clear_flags(*entry.handle, ledger::kDisconnectedPublished);
  if (d.connection_events) d.intake.error(*entry.handle, "Connected", by);
}

constexpr auto kBy = ledger::Thread::ca_callback;

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

// A scalar without its element is no value.
bool is_empty_scalar(const Channel& channel, const event_handler_args& args) {
  return args.count == 0 && channel.native_count <= 1;
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

// More elements than the channel declares: what is beyond is no value of it.
void limit(Delivery& d, Channel& channel, CaEvent& event) {
  const size_t element = event.value.size() / event.count;
  event.count = channel.native_count;
  event.value = event.value.first(event.count * element);
  if (std::exchange(channel.excess_told, true)) return;
  d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::excess});
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
  const auto type = static_cast<uint8_t>(std::clamp<short>(ca_field_type(id), 0, kNoType - 1));
  const auto count = static_cast<uint32_t>(ca_element_count(id));
  const bool readable = ca_read_access(id) != 0;
  Delivery& d = *channel.delivery;
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
    d.intake.set_type(*e.handle, type, count);
    note_connection(d, e, kBy);
    d.intake.set_step(*e.handle, ledger::Step::subscribing);
    d.intake.set_state(*e.handle, readable ? EntryState::connected : EntryState::denied);
    if (!readable) d.intake.error(*e.handle, "Read access denied", kBy);
  });
  for (Subscription* s = channel.subscriptions; s; s = s->next) s->answered = false;
  d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::up});
}

void on_down(Channel& channel, chid id) {
  Delivery& d = *channel.delivery;
  const ledger::Step step = has_circuit(id) ? ledger::Step::circuit_hung : ledger::Step::circuit_lost;
  const Lock lock(d.lock);
  if (d.stopped || channel.condemned || !channel.connected) return;
  channel.connected = false;
  channel.denied = false;
  for_each_entry(channel, [&](Entry& e) {
    d.intake.set_step(*e.handle, step);
    d.intake.set_state(*e.handle, EntryState::disconnected);
    d.intake.error(*e.handle, "Disconnected", kBy);
    d.intake.add_flags(*e.handle, ledger::kDisconnectedPublished);
  });
  d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::down});
}

void note_data(Delivery& d, Subscription& subscription) {
  subscription.unfit = false;
  subscription.last_status = ECA_NORMAL;
  subscription.brought = true;
  if (std::exchange(subscription.answered, true)) return;
  d.last_first_event = monotonic_now();
  for (Entry* e = subscription.entries; e; e = e->next) {
    d.intake.set_step(*e->handle, ledger::Step::receiving);
    d.intake.set_state(*e->handle, EntryState::connected);
  }
}

// An update without data. Where the subscription has never brought any, the native count is tried before it
// is told.
void note_failure(Delivery& d, Subscription& subscription, int status) {
  const bool repeated = status == subscription.last_status;
  subscription.unfit = true;
  subscription.last_status = status;
  // The access rights callback tells of lost read access.
  if (status == ECA_NORDACCESS || repeated) return;
  const Channel& channel = *subscription.channel;
  d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::unfit});
  if (!subscription.brought && !subscription.native) return;
  subscription.answered = false;
  for (Entry* e = subscription.entries; e; e = e->next) {
    d.intake.set_step(*e->handle, ledger::Step::subscription_refused,
                      static_cast<uint16_t>(CA_EXTRACT_MSG_NO(status)));
    d.intake.set_state(*e->handle, EntryState::no_data);
    d.intake.error(*e->handle, ca_message(status), kBy);
  }
}

}  // namespace

bool has_circuit(chid id) {
  std::array<char, 64> host{};
  ca_get_host_name(id, host.data(), host.size());
  return host[0] != '<';
}

bool link(Entry& entry, Subscription& subscription) {
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
  d.intake.set_type(*entry.handle, channel.native_type, channel.native_count);
  note_connection(d, entry, ledger::Thread::ca);
  const bool receiving = subscription.id && subscription.answered;
  d.intake.set_step(*entry.handle, receiving ? ledger::Step::receiving : ledger::Step::subscribing);
  d.intake.set_state(*entry.handle, channel.denied ? EntryState::denied : EntryState::connected);
  if (channel.denied) d.intake.error(*entry.handle, "Read access denied", ledger::Thread::ca);
  entry.joining = receiving && !channel.muted && !channel.denied;
  entry.asked_native = false;
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
    on_down(channel, args.chid);
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
    if (!readable) d.intake.error(*e.handle, "Read access denied", kBy);
    d.intake.set_type(*e.handle, channel.native_type, channel.native_count);
  });
  if (readable) d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::readable});
}

void e2k_on_event(event_handler_args args) noexcept {
  auto& subscription = *static_cast<Subscription*>(args.usr);
  Channel& channel = *subscription.channel;
  Delivery& d = *channel.delivery;
  const Lock lock(d.lock);
  if (d.stopped || channel.condemned || channel.muted) return;
  if (!holds_data(args) || is_empty_scalar(channel, args))
    return note_failure(d, subscription, args.status == ECA_NORMAL ? ECA_GETFAIL : args.status);
  note_data(d, subscription);
  CaEvent event = event_of(args);
  if (channel.native_count > 0 && event.count > channel.native_count) limit(d, channel, event);
  for (Entry* e = subscription.entries; e; e = e->next)
    if (!e->joining && !already_had(*e, event)) d.intake.event(*e->handle, event);
}

void e2k_on_first_value(event_handler_args args) noexcept {
  auto& channel = *static_cast<Channel*>(ca_puser(args.chid));
  const EntryIndex index{static_cast<uint32_t>(reinterpret_cast<uintptr_t>(args.usr))};
  Delivery& d = *channel.delivery;
  const Lock lock(d.lock);
  if (d.stopped || channel.condemned) return;
  for_each_entry(channel, [&](Entry& e) {
    if (e.index != index || !e.joining) return;
    if (!holds_data(args) || is_empty_scalar(channel, args)) {
      // Read again with the native count, by the *ca* thread; then its first value is the next event.
      if (e.asked_native) e.joining = false;
      e.asked_native = true;
      return d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::unfit});
    }
    e.joining = false;
    if (channel.muted) return;
    CaEvent event = event_of(args);
    if (channel.native_count > 0 && event.count > channel.native_count) limit(d, channel, event);
    constexpr int64_t kSettlingNs = 2 * kNsPerSecond;
    e.settling = true;
    d.settling[&e] = {stamp_of(event), digest_of(event), MonotonicNs{monotonic_now().value + kSettlingNs}};
    d.intake.event(*e.handle, event);
  });
}

}  // extern "C"

}  // namespace e2k::worker::ca
