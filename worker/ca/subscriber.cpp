#include "worker/ca/subscriber.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/log.h"

namespace e2k::worker::ca {
namespace {

using Lock = std::lock_guard<SpinLock>;
constexpr int64_t kReadablePatienceNs = kNsPerSecond;
constexpr auto kBy = ledger::Thread::ca;

}  // namespace

Channel* Subscriber::current(const Due& due) const {
  Channel* channel = table_.at(due.number);
  return channel && channel->incarnation == due.incarnation && !channel->doomed ? channel : nullptr;
}

void Subscriber::on_up(Channel& channel, MonotonicNs now) {
  bool outdated;
  {
    const Lock lock(delivery_.lock);
    outdated = channel.muted || channel.subscribed_type == kNoType;
  }
  if (outdated) return subscribe_anew(channel, now);
  // libca goes on with those that there are.
  for (Subscription* s = channel.subscriptions; s; s = s->next) s->made = now;
  if (!subscribe(channel, now)) expect_first_event(channel, MonotonicNs{now.value + kFirstEventNs});
}

void Subscriber::expect_first_event(const Channel& channel, MonotonicNs at) {
  first_events_.emplace(at, Due{channel.number, channel.incarnation, at});
}

// What a new subscription brings first can be as old as it likes.
void Subscriber::expect_snapshot(Subscription& s) {
  const Channel& channel = *s.channel;
  for (Entry* e = s.entries; e; e = e->next)
    delivery_.intake.set_type(*e->handle, channel.native_type, channel.native_count);
}

// libca cannot say that it is late: a type that is no type any more was lost again, and its notice follows.
bool Subscriber::subscribe(Channel& channel, MonotonicNs now) {
  if (is_unreadable_type(channel, now)) return false;
  uint8_t type;
  uint32_t count;
  {
    const Lock lock(delivery_.lock);
    type = channel.subscribed_type;
    count = channel.subscribed_count;
  }
  bool made = false;
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    if (s->id || s->due_again || is_idle(*s)) continue;
    s->made = now;
    if (make(*s, type, count, now))
      made = true;
    else
      put_off(*s, now);
  }
  if (made) expect_first_event(channel, MonotonicNs{now.value + kFirstEventNs});
  return made;
}

bool Subscriber::is_unreadable_type(Channel& channel, MonotonicNs now) {
  {
    const Lock lock(delivery_.lock);
    if (channel.subscribed_type <= DBF_DOUBLE) return false;
    if (channel.subscribed_type == kNoType || !channel.connected) return true;
  }
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    if (s->due_again || is_idle(*s)) continue;
    tell(*s, ledger::Step::type_unknown, channel.subscribed_type);
    const bool first = s->failures == 0 && lines_.admit(now);
    put_off(*s, now);
    if (first)
      log::warn(
          "subscription.refused channel={} reason=\"its native type {} is none that Channel Access has\"",
          log::quoted(channel.name()), channel.subscribed_type);
  }
  return true;
}

bool Subscriber::make(Subscription& s, uint8_t type, uint32_t native_count, MonotonicNs now) {
  {
    const Lock lock(delivery_.lock);
    s.answered = s.brought = false;
    s.last_status = ECA_NORMAL;
    expect_snapshot(s);
  }
  const Channel& channel = *s.channel;
  const int status = ca_create_subscription(dbf_type_to_DBR_TIME(type), s.native ? native_count : 0,
                                            channel.id, s.mask.bits, e2k_on_event, &s, &s.id);
  flush_needed_ = true;
  if (status == ECA_NORMAL) return true;
  s.id = nullptr;
  if (s.failures == 0 && lines_.admit(now))
    log::error("subscription.refused channel={} reason={}", log::quoted(channel.name()),
               log::quoted(ca_message(status)));
  tell(s, status == ECA_TOLARGE ? ledger::Step::array_too_large : ledger::Step::subscription_refused,
       static_cast<uint16_t>(CA_EXTRACT_MSG_NO(status)));
  if (s.failures > 0) return false;
  const Lock lock(delivery_.lock);
  for (Entry* e = s.entries; e; e = e->next) delivery_.intake.error(*e->handle, ca_message(status), kBy);
  return false;
}

void Subscriber::make_again(Subscription& s, bool native, MonotonicNs now) {
  unsubscribe(s);
  {
    const Lock lock(delivery_.lock);
    s.native = native;
  }
  subscribe(*s.channel, now);
}

bool Subscriber::is_idle(const Subscription& subscription) const {
  const Lock lock(delivery_.lock);
  return subscription.is_idle();
}

// It brings no data.
void Subscriber::tell(Subscription& s, ledger::Step step, uint16_t detail) {
  const Lock lock(delivery_.lock);
  if (!s.channel->connected) return;
  delivery_.crossings.failed(s);
  for (Entry* e = s.entries; e; e = e->next) {
    delivery_.intake.set_step(*e->handle, step, detail);
    delivery_.intake.set_state(*e->handle, ledger::EntryState::no_data);
  }
}

void Subscriber::subscribe_anew(Channel& channel, MonotonicNs now) {
  for (Subscription* s = channel.subscriptions; s; s = s->next) unsubscribe(*s);
  {
    const Lock lock(delivery_.lock);
    channel.subscribed_type = channel.native_type;
    channel.subscribed_count = channel.native_count;
    channel.muted = false;
    for (Subscription* s = channel.subscriptions; s; s = s->next) s->native = s->due_again = false;
  }
  subscribe(channel, now);
}

void Subscriber::unsubscribe(Subscription& subscription) {
  if (!subscription.id) return;
  ca_clear_subscription(std::exchange(subscription.id, nullptr));
  flush_needed_ = true;
}

void Subscriber::take(Channel& channel, Notice::What what, MonotonicNs now) {
  switch (what) {
    case Notice::What::readable:
      readable_.push_back(
          {channel.number, channel.incarnation, MonotonicNs{now.value + kReadablePatienceNs}});
      break;
    case Notice::What::unfit:
      on_unfit(channel, now);
      break;
    case Notice::What::excess:
      if (lines_.admit(now))
        log::warn("value.cut channel={} reason=\"its server sends more elements than it declares\"",
                  log::quoted(channel.name()));
      break;
    case Notice::What::malformed:
      if (lines_.admit(now))
        log::warn(
            "value.refused channel={} reason=\"its server sends fewer elements than it says: they are not "
            "published\"",
            log::quoted(channel.name()));
      break;
    case Notice::What::up:
    case Notice::What::down:
    case Notice::What::meeting:
    case Notice::What::crossed:
      break;
  }
}

void Subscriber::on_unfit(Channel& channel, MonotonicNs now) {
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    bool unfit, final;
    {
      const Lock lock(delivery_.lock);
      unfit = s->unfit && !s->answered && channel.connected && !channel.denied;
      final = s->native || s->brought;
    }
    if (!unfit || !s->id || s->due_again) continue;
    if (final)
      put_off(*s, now);
    else
      make_again(*s, true, now);
  }
}

void Subscriber::put_off(Subscription& s, MonotonicNs now) {
  if (std::exchange(s.due_again, true)) return;
  {
    const Lock lock(delivery_.lock);
    if (s.brought) s.failures = 0;
  }
  const int64_t wait_ns = std::min(kRetryNs << std::min<int>(s.failures, 8), kMaxRetryNs);
  if (s.failures < UINT8_MAX) ++s.failures;
  const MonotonicNs at{now.value + wait_ns};
  again_.emplace(at, Due{s.channel->number, s.channel->incarnation, at});
}

void Subscriber::try_again(Channel& channel, MonotonicNs now) {
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    if (!std::exchange(s->due_again, false)) continue;
    bool answered;
    {
      const Lock lock(delivery_.lock);
      answered = s->answered;
    }
    if (answered)
      s->failures = 0;
    else
      make_again(*s, false, now);
  }
}

// Read access came back a while ago: most servers let the subscription go on by themselves.
void Subscriber::repair(Channel& channel, MonotonicNs now) {
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    {
      const Lock lock(delivery_.lock);
      if (!s->unfit || !channel.connected || channel.denied) continue;
      s->unfit = false;
      s->last_status = ECA_NORMAL;
    }
    log::info("subscription.renewed channel={} reason=\"silent after read access came back\"",
              log::quoted(channel.name()));
    unsubscribe(*s);
  }
  if (channel.phase == Phase::connected) subscribe(channel, now);
}

ledger::Step Subscriber::silence_of(const Channel& channel) const {
  const int64_t bytes = dbr_size_n(dbf_type_to_DBR_TIME(channel.subscribed_type), channel.subscribed_count);
  return max_array_bytes_ > 0 && bytes > max_array_bytes_ ? ledger::Step::array_too_large
                                                          : ledger::Step::subscription_silent;
}

bool Subscriber::is_due(const Subscription& s, MonotonicNs answered, MonotonicNs now) const {
  const int64_t since_ns = now.value - s.made.value;
  if (since_ns < kFirstEventNs) return false;
  return now.value - answered.value >= kFirstEventNs || since_ns >= kLongestFirstEventNs;
}

// Time is up for the first events of the channel's subscriptions, of those that are old enough.
void Subscriber::judge_first_event(Channel& channel, MonotonicNs now) {
  if (channel.phase != Phase::connected) return;
  for (Subscription* s = channel.subscriptions; s; s = s->next) {
    bool silent, final;
    MonotonicNs answered;
    {
      const Lock lock(delivery_.lock);
      silent = !s->answered && channel.connected && !channel.denied;
      final = s->native || s->brought;
      answered = delivery_.last_first_event;
    }
    if (!silent || !s->id || s->due_again) continue;
    if (!is_due(*s, answered, now)) {
      expect_first_event(channel, MonotonicNs{now.value + kFirstEventNs});
      continue;
    }
    if (!final) {
      make_again(*s, true, now);
      continue;
    }
    const ledger::Step step = silence_of(channel);
    tell(*s, step, 0);
    const bool first = s->failures == 0 && lines_.admit(now);
    put_off(*s, now);
    if (first)
      log::warn("subscription.silent channel={} reason=\"{}\"", log::quoted(channel.name()),
                step == ledger::Step::array_too_large ? "its array is larger than epics.max_array_bytes"
                                                      : "its server does not answer the subscription");
  }
}

void Subscriber::on_time(MonotonicNs now) {
  for (; !readable_.empty() && readable_.front().at <= now; readable_.pop_front())
    if (Channel* channel = current(readable_.front())) repair(*channel, now);
  while (!first_events_.empty() && first_events_.begin()->first <= now) {
    const Due due = first_events_.begin()->second;
    first_events_.erase(first_events_.begin());
    if (Channel* channel = current(due)) judge_first_event(*channel, now);
  }
  while (!again_.empty() && again_.begin()->first <= now) {
    const Due due = again_.begin()->second;
    again_.erase(again_.begin());
    if (Channel* channel = current(due)) try_again(*channel, now);
  }
}

MonotonicNs Subscriber::next_turn(MonotonicNs latest) const {
  for (const std::multimap<MonotonicNs, Due>* dues : {&first_events_, &again_})
    if (!dues->empty()) latest = std::min(latest, dues->begin()->first);
  if (!readable_.empty()) latest = std::min(latest, readable_.front().at);
  return latest;
}

}  // namespace e2k::worker::ca
