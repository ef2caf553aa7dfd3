// Shell. Subscriptions of connected channels, and what becomes of those that bring no data. Everything here
// runs on the *ca* thread.
//
// - A type or count that changed at a reconnect: the callback mutes the channel, here the subscriptions are
//   cleared and made anew, so that no event of the old type gets through and the first one comes once.
// - Silence is judged kFirstEventNs after a subscription was made, and, while others of the worker are being
//   answered, so long after the last answer, up to kLongestFirstEventNs: a server may take its time over a
//   flood of them.
// - A subscription that is refused, answered without data, or not answered within kFirstEventNs, is made
//   again with the native count, and if that fails too after kRetryNs, then twice as long, up to kMaxRetryNs
//   (count 0 first). Meanwhile its entries' state is no_data, and their step says why.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "worker/ca/channel_table.h"
#include "worker/ca/delivery.h"
#include "worker/line_budget.h"

namespace e2k::worker::ca {

// A channel as it was when something was put off.
struct Due {
  uint32_t number;
  uint32_t incarnation;
  MonotonicNs at;
};

class Subscriber {
public:
  static constexpr int64_t kFirstEventNs = 5 * kNsPerSecond, kLongestFirstEventNs = 60 * kNsPerSecond;
  static constexpr int64_t kRetryNs = 20 * kNsPerSecond, kMaxRetryNs = 300 * kNsPerSecond;

  // Longest value that libca takes; 0: any.
  Subscriber(Delivery& delivery, ChannelTable& table, int64_t max_array_bytes)
      : delivery_(delivery), table_(table), max_array_bytes_(max_array_bytes) {}

  // The channel is connected.
  void on_up(Channel& channel, MonotonicNs now);
  // Makes what is missing. For a connected channel. False: nothing was.
  bool subscribe(Channel& channel, MonotonicNs now);
  void unsubscribe(Subscription& subscription);
  void take(Channel& channel, Notice::What what, MonotonicNs now);
  void on_time(MonotonicNs now);
  MonotonicNs next_turn(MonotonicNs latest) const;
  // Whether something was asked of libca since the last call: it has to be flushed.
  bool take_flush_needed() { return std::exchange(flush_needed_, false); }

private:
  void subscribe_anew(Channel& channel, MonotonicNs now);
  void expect_first_event(const Channel& channel, MonotonicNs at);
  bool is_due(const Subscription& subscription, MonotonicNs answered, MonotonicNs now) const;
  void expect_snapshot(Subscription& subscription);
  bool make(Subscription& subscription, uint8_t type, uint32_t native_count, MonotonicNs now);
  void make_again(Subscription& subscription, bool native, MonotonicNs now);
  void on_unfit(Channel& channel, MonotonicNs now);
  void judge_first_event(Channel& channel, MonotonicNs now);
  void repair(Channel& channel, MonotonicNs now);
  void try_again(Channel& channel, MonotonicNs now);
  void put_off(Subscription& subscription, MonotonicNs now);
  bool is_idle(const Subscription& subscription) const;
  bool is_unreadable_type(Channel& channel, MonotonicNs now);
  void tell(Subscription& subscription, ledger::Step step, uint16_t detail);
  ledger::Step silence_of(const Channel& channel) const;
  Channel* current(const Due& due) const;

  Delivery& delivery_;
  ChannelTable& table_;
  const int64_t max_array_bytes_;
  std::multimap<MonotonicNs, Due> first_events_;
  std::deque<Due> readable_;
  std::multimap<MonotonicNs, Due> again_;
  LineBudget lines_{"servers and channels"};
  bool flush_needed_ = false;
};

}  // namespace e2k::worker::ca
