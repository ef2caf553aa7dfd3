#include "worker/ca/delivery.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "worker/ca/payload_guard.h"

namespace e2k::worker::ca {
namespace {

using Lock = std::lock_guard<SpinLock>;
using ledger::EntryState;

// All dbr_time_* structures begin alike.
using TimeHeader = dbr_time_short;

// The entry's channel is connected, or connected again.
void note_connection(Delivery& d, Entry& entry, ledger::Thread by) {
  d.intake.add_flags(*entry.handle, ledger::kWasConnected);
  if (std::exchange(entry.resumes, false)) d.intake.end_gap(*entry.handle);
  if ((d.intake.flags(*entry.handle) & ledger::kDisconnectedPublished) == 0) return;
  d.intake.clear_flags(*entry.handle, ledger::kDisconnectedPublished);
  if (d.connection_events) d.intake.error(*entry.handle, "Connected", by);
}

constexpr const char* kMalformed = "Malformed value";
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

// Its server said that there is more than it sent: nothing of it is to be trusted.
void refuse(Delivery& d, Channel& channel, const Subscription& subscription) {
  for (Entry* e = subscription.entries; e; e = e->next)
    d.intake.refused(*e->handle, ledger::LossReason::malformed);
  if (std::exchange(channel.malformed_told, true)) return;
  d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::malformed});
}

// More elements than the channel declares: what is beyond is no value of it.
void limit(Delivery& d, Channel& channel, CaEvent& event) {
  const size_t element = event.value.size() / event.count;
  event.count = channel.native_count;
  event.value = event.value.first(event.count * element);
  if (std::exchange(channel.excess_told, true)) return;
  d.inbox.post(Notice{channel.number, channel.incarnation, Notice::What::excess});
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
  d.crossings.channel_silent(channel);
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
  d.crossings.failed(subscription);
  for (Entry* e = subscription.entries; e; e = e->next) {
    d.intake.set_step(*e->handle, ledger::Step::subscription_refused,
                      static_cast<uint16_t>(CA_EXTRACT_MSG_NO(status)));
    d.intake.set_state(*e->handle, EntryState::no_data);
    d.intake.error(*e->handle, payload_was_refused() ? kMalformed : ca_message(status), kBy);
  }
}

void deliver(Delivery& d, const Subscription& subscription, const CaEvent& event) {
  const Entry* const first = subscription.entries;
  if (!first) return;
  if (!first->next) return d.intake.event(*first->handle, event);
  d.takers.clear();
  for (const Entry* e = first; e; e = e->next) d.takers.push_back(e->handle);
  d.intake.event(d.takers, event);
}

}  // namespace

bool has_circuit(chid id) {
  std::array<char, 64> host{};
  ca_get_host_name(id, host.data(), host.size());
  return host[0] != '<';
}

void link(Entry& entry, Subscription& subscription) {
  Channel& channel = *subscription.channel;
  Delivery& d = *channel.delivery;
  entry.subscription = &subscription;
  entry.next = subscription.entries;
  subscription.entries = &entry;
  d.crossings.watch(channel);
  if (!channel.connected) return d.intake.set_state(*entry.handle, EntryState::pending);
  d.intake.set_type(*entry.handle, channel.native_type, channel.native_count);
  note_connection(d, entry, ledger::Thread::ca);
  d.intake.set_step(*entry.handle, ledger::Step::subscribing);
  d.intake.set_state(*entry.handle, channel.denied ? EntryState::denied : EntryState::connected);
  if (channel.denied) d.intake.error(*entry.handle, "Read access denied", ledger::Thread::ca);
}

void unlink(Entry& entry) {
  Channel& channel = *entry.subscription->channel;
  Delivery& d = *channel.delivery;
  d.crossings.cancel(entry);
  Entry** at = &entry.subscription->entries;
  while (*at != &entry) at = &(*at)->next;
  *at = entry.next;
  d.crossings.watch(channel);
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
  if (!readable) d.crossings.channel_silent(channel);
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
  if (payload_was_refused()) refuse(d, channel, subscription);
  if (!holds_data(args) || is_empty_scalar(channel, args))
    return note_failure(d, subscription, args.status == ECA_NORMAL ? ECA_GETFAIL : args.status);
  note_data(d, subscription);
  CaEvent event = event_of(args);
  if (channel.native_count > 0 && event.count > channel.native_count) limit(d, channel, event);
  deliver(d, subscription, event);
  if (subscription.watched) d.crossings.brought(subscription, event);
}

}  // extern "C"

}  // namespace e2k::worker::ca
