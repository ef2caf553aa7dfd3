// Entries that go over to another subscription, by tables and by chance, without a network.
#include "worker/ca/crossings.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "tests/support/ca/recording_intake.h"
#include "worker/ca/channel_table.h"
#include "worker/ca/crossing.h"
#include "worker/ca/delivery.h"

namespace e2k::worker::ca {
namespace {

constexpr EventIdentity kFirst{100, 1}, kSecond{200, 2};

TEST(Crossing, happens_where_both_are_at_the_same_event) {
  EXPECT_EQ(decide({true, false, true, false, kFirst, kFirst}), Crossing::go);
  EXPECT_EQ(decide({true, false, true, false, kFirst, kSecond}), Crossing::wait);
  EXPECT_EQ(decide({true, false, true, false, kSecond, kFirst}), Crossing::wait);
  EXPECT_EQ(decide({true, false, false, true, kFirst, {}}), Crossing::wait) << "nothing was brought yet";
}

TEST(Crossing, that_waited_long_enough_begins_with_what_the_old_one_has_not_brought) {
  EXPECT_EQ(decide({true, false, true, true, kFirst, kSecond}), Crossing::go_with_last);
  EXPECT_EQ(decide({true, false, true, true, kSecond, kFirst}), Crossing::go);
  const EventIdentity same_stamp{200, 3}, unknown{200, 0};
  EXPECT_EQ(decide({true, false, true, true, kSecond, same_stamp}), Crossing::go_with_last);
  EXPECT_EQ(decide({true, false, true, true, unknown, kSecond}), Crossing::go_with_last);
}

TEST(Crossing, of_a_silent_channel_or_to_a_failed_subscription_waits_for_nothing) {
  EXPECT_EQ(decide({false, false, false, false, kFirst, {}}), Crossing::go);
  EXPECT_EQ(decide({false, false, true, false, kFirst, kSecond}), Crossing::go_with_last);
  EXPECT_EQ(decide({true, true, false, false, kFirst, {}}), Crossing::go);
}

// One channel, and a server that sends each subscription's events in order and keeps no order between them.
class ServedChannel {
public:
  struct Posted {
    uint32_t number;
    uint8_t kinds;  // of the events that it is: Mask bits
  };

  ServedChannel() : channel(table.make("c", delivery)) {
    channel.connected = true;
    channel.native_type = channel.subscribed_type = 6;
    channel.native_count = channel.subscribed_count = 1;
  }

  Subscription& subscribe(uint8_t mask) {
    Subscription* s = table.make_subscription();
    s->channel = &channel;
    s->mask = Mask{mask};
    s->next = channel.subscriptions;
    channel.subscriptions = s;
    s->id = reinterpret_cast<evid>(s);  // never asked
    if (posted > 0) queues[s].push_back(posted);
    return *s;
  }
  Entry& open(uint32_t index, Subscription& s) {
    Entry* e = table.make_entry();
    e->handle = intake.open_entry(EntryIndex{index}, {}, 0, false);
    e->index = EntryIndex{index};
    link(*e, s);
    return *e;
  }
  IntakeEntry* handle(uint32_t index) { return intake.open_entry(EntryIndex{index}, {}, 0, false); }

  void post(uint8_t kinds = 15) {
    ++posted;
    for (Subscription* s = channel.subscriptions; s; s = s->next)
      if (s->mask.bits & kinds) queues[s].push_back(posted);
  }
  bool deliver(Subscription& s) {
    auto& queue = queues[&s];
    if (queue.empty()) return false;
    const uint32_t number = queue.front();
    queue.pop_front();
    s.answered = true;
    const double value = number;
    const CaEvent event{6, 0, 0, number, 0, 1, std::as_bytes(std::span(&value, 1))};
    for (Entry* e = s.entries; e; e = e->next) intake.event(*e->handle, event);
    if (s.watched) delivery.crossings.brought(s, event);
    return true;
  }
  void deliver_all(Subscription& s) {
    while (deliver(s)) {
    }
  }
  // What a worker's *ca* thread does behind it.
  void tidy() {
    for (const LeftHandle& l : delivery.crossings.take_left()) intake.close_entry(l.handle);
    for (Subscription** at = &channel.subscriptions; *at;) {
      Subscription* s = *at;
      if (!s->is_idle()) {
        at = &s->next;
        continue;
      }
      *at = s->next;
      queues.erase(s);
      table.free(s);
    }
    delivery.crossings.watch(channel);
  }
  std::vector<uint32_t> numbers(uint32_t index) {
    std::vector<uint32_t> out;
    for (const Recorded& r : intake.records(index)) out.push_back(static_cast<uint32_t>(r.number()));
    return out;
  }

  RecordingIntake intake;
  Delivery delivery{intake};
  ChannelTable table;
  Channel& channel;
  uint32_t posted = 0;
  std::map<Subscription*, std::deque<uint32_t>> queues;
};

using Numbers = std::vector<uint32_t>;
constexpr uint8_t kV = Mask::kValue, kA = Mask::kAlarm, kVA = Mask::kValue | Mask::kAlarm;

TEST(Crossings, entry_of_a_quiet_channel_goes_over_with_the_new_ones_first_event_and_repeats_nothing) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  c.post();
  c.deliver_all(old);
  Subscription& next = c.subscribe(kVA);
  c.delivery.crossings.begin(e, next, c.handle(1), EntryIndex{1});
  EXPECT_TRUE(e.crosses);
  c.deliver(next);
  EXPECT_FALSE(e.crosses);
  EXPECT_EQ(e.subscription, &next);
  c.tidy();
  EXPECT_EQ(c.channel.subscriptions, &next);
  EXPECT_FALSE(next.next);
  EXPECT_FALSE(next.watched);
  c.post();
  c.deliver_all(next);
  EXPECT_EQ(c.numbers(0), Numbers{1});
  EXPECT_EQ(c.numbers(1), (Numbers{1, 2})) << "a new key begins with the present value";
  EXPECT_FALSE(c.intake.entry(0).open);
}

TEST(Crossings, another_mask_of_the_same_key_repeats_nothing) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  c.post();
  c.deliver_all(old);
  Subscription& next = c.subscribe(kVA);
  c.delivery.crossings.begin(e, next, nullptr, {});
  c.deliver(next);
  EXPECT_FALSE(e.crosses);
  c.post();
  c.deliver_all(next);
  EXPECT_EQ(c.numbers(0), (Numbers{1, 2}));
}

TEST(Crossings, a_new_key_has_its_first_value_also_where_the_old_subscription_comes_last) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  for (int i = 0; i < 3; ++i) c.post();
  Subscription& next = c.subscribe(kV);
  c.delivery.crossings.begin(e, next, c.handle(1), EntryIndex{1});
  c.deliver_all(next);
  c.deliver_all(old);
  c.post();
  c.deliver_all(old);
  c.deliver_all(next);
  EXPECT_EQ(c.numbers(0), (Numbers{1, 2, 3}));
  EXPECT_EQ(c.numbers(1), (Numbers{3, 4}));
}

TEST(Crossings, what_is_still_under_way_on_the_old_one_comes_first) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  for (int i = 0; i < 3; ++i) c.post();
  c.deliver(old);
  Subscription& next = c.subscribe(kVA);
  c.delivery.crossings.begin(e, next, nullptr, {});
  c.post();
  c.deliver_all(next);  // 3 and 4; the old one is at 1
  EXPECT_EQ(c.numbers(0), Numbers{1});
  EXPECT_EQ(c.delivery.crossings.held_bytes(), 8u);
  c.deliver_all(old);
  EXPECT_EQ(e.subscription, &next);
  EXPECT_EQ(c.delivery.crossings.held_bytes(), 0u);
  c.post();
  c.deliver_all(old);
  c.deliver_all(next);
  EXPECT_EQ(c.numbers(0), (Numbers{1, 2, 3, 4, 5}));
}

TEST(Crossings, masks_that_never_meet_go_over_when_time_is_up_with_the_present_value) {
  ServedChannel c;
  Subscription& old = c.subscribe(kA);
  Entry& e = c.open(0, old);
  c.post();
  c.post(kV);
  c.post(kV);
  c.deliver_all(old);
  Subscription& next = c.subscribe(kV);
  c.delivery.crossings.begin(e, next, c.handle(1), EntryIndex{1});
  c.deliver_all(next);
  const MonotonicNs now = monotonic_now();
  c.delivery.crossings.due(c.channel, now);
  EXPECT_TRUE(e.crosses);
  c.delivery.crossings.due(c.channel, MonotonicNs{now.value + kMeetNs});
  EXPECT_FALSE(e.crosses);
  EXPECT_EQ(c.numbers(0), Numbers{1});
  EXPECT_EQ(c.numbers(1), Numbers{3});
}

TEST(Crossings, a_channel_that_goes_down_lets_everybody_go_and_joins_twins) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  c.post();
  c.deliver_all(old);
  Subscription& next = c.subscribe(kVA);
  c.delivery.crossings.begin(e, next, c.handle(1), EntryIndex{1});
  Subscription& twin = c.subscribe(kVA);
  Entry& other = c.open(2, twin);
  c.channel.connected = false;
  c.delivery.crossings.channel_silent(c.channel);
  EXPECT_FALSE(e.crosses);
  EXPECT_EQ(e.handle->index, 1u);
  EXPECT_EQ(e.subscription, other.subscription);
  c.tidy();
  EXPECT_FALSE(c.channel.subscriptions->next);
}

TEST(Crossings, a_subscription_that_fails_has_those_who_waited_for_it) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  c.post();
  c.deliver_all(old);
  Subscription& next = c.subscribe(kVA);
  c.delivery.crossings.begin(e, next, nullptr, {});
  c.delivery.crossings.failed(next);
  EXPECT_EQ(e.subscription, &next);
}

// As libca calls it.
void call_back(Subscription& s, const dbr_time_double* data, int status = ECA_NORMAL) {
  event_handler_args args{};
  args.usr = &s;
  args.type = DBR_TIME_DOUBLE;
  args.count = 1;
  args.dbr = data;
  args.status = status;
  e2k_on_event(args);
}

TEST(Crossings, a_refusal_of_the_new_subscription_is_the_state_of_the_entry_from_then_on) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  c.post();
  c.deliver_all(old);
  Subscription& next = c.subscribe(kVA);
  next.native = true;  // the second try
  c.delivery.crossings.begin(e, next, c.handle(1), EntryIndex{1});
  call_back(next, nullptr, ECA_GETFAIL);
  EXPECT_EQ(e.subscription, &next);
  c.tidy();
  EXPECT_FALSE(c.intake.entry(0).open);
  EXPECT_EQ(c.intake.entry(1).state, ledger::EntryState::no_data);
  EXPECT_EQ(c.intake.entry(1).step, ledger::Step::subscription_refused);
  EXPECT_EQ(c.intake.records(1).size(), 1u);
}

TEST(Delivery, one_callback_is_one_event_for_however_many_entries) {
  ServedChannel c;
  Subscription& s = c.subscribe(kV);
  for (uint32_t i = 0; i < 5; ++i) c.open(i, s);
  dbr_time_double data{};
  for (int i = 1; i <= 3; ++i) {
    data.value = i;
    data.stamp.nsec = static_cast<epicsUInt32>(i);
    call_back(s, &data);
  }
  EXPECT_EQ(c.intake.event_calls(), 3u);
  EXPECT_EQ(c.intake.events(), 15u);
  for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(c.numbers(i), (Numbers{1, 2, 3}));
}

TEST(Crossings, replaced_again_it_leaves_the_handle_that_it_never_had) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  c.post();
  c.deliver_all(old);
  Crossings& crossings = c.delivery.crossings;
  crossings.begin(e, c.subscribe(kVA), c.handle(1), EntryIndex{1});
  EXPECT_EQ(crossings.last_index(e), EntryIndex{1});
  IntakeEntry* const second = c.handle(2);
  crossings.begin(e, c.subscribe(kA), second, EntryIndex{2});
  crossings.begin(e, c.subscribe(kA), second,
                  EntryIndex{2});  // again, with the handle that it was going to have
  EXPECT_EQ(crossings.last_index(e), EntryIndex{2});
  c.tidy();
  EXPECT_FALSE(c.intake.entry(1).open);
  EXPECT_TRUE(c.intake.entry(2).open);
  crossings.begin(e, old, nullptr, {});  // back
  c.tidy();
  EXPECT_FALSE(e.crosses);
  EXPECT_FALSE(c.intake.entry(2).open);
  EXPECT_EQ(c.channel.subscriptions, &old);
  EXPECT_EQ(crossings.under_way(), 0u);
}

TEST(Crossings, a_new_key_alone_is_taken_at_once) {
  ServedChannel c;
  Subscription& only = c.subscribe(kV);
  Entry& e = c.open(0, only);
  c.post();
  c.deliver_all(only);
  c.delivery.crossings.begin(e, only, c.handle(1), EntryIndex{1});
  EXPECT_FALSE(e.crosses);
  c.post();
  c.deliver_all(only);
  EXPECT_EQ(c.numbers(0), Numbers{1});
  EXPECT_EQ(c.numbers(1), Numbers{2});
}

TEST(Crossings, twins_join_where_they_are_at_the_same_event) {
  ServedChannel c;
  Subscription& elder = c.subscribe(kV);
  Entry& e = c.open(0, elder);
  for (int i = 0; i < 3; ++i) c.post();
  c.deliver(elder);
  Subscription& younger = c.subscribe(kV);
  Entry& joined = c.open(1, younger);
  c.deliver(younger);
  EXPECT_EQ(joined.subscription, &younger);
  c.deliver_all(elder);
  EXPECT_EQ(joined.subscription, &elder);
  c.tidy();
  EXPECT_EQ(e.subscription, &elder);
  c.post();
  c.deliver_all(elder);
  EXPECT_EQ(c.numbers(0), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(c.numbers(1), (Numbers{3, 4}));
}

TEST(Crossings, beyond_what_may_be_held_nobody_waits) {
  ServedChannel c;
  Subscription& old = c.subscribe(kV);
  Entry& e = c.open(0, old);
  c.post();
  c.deliver_all(old);
  Subscription& next = c.subscribe(kVA);
  c.delivery.crossings.begin(e, next, nullptr, {});
  const std::vector<std::byte> big(Crossings::kMostHeldBytes + 1);
  const CaEvent event{4, 0, 0, 50, 0, static_cast<uint32_t>(big.size()), big};
  next.answered = true;
  c.delivery.crossings.brought(next, event);
  EXPECT_FALSE(e.crosses);
  EXPECT_EQ(c.intake.records(0).size(), 2u);
}

// Whatever is posted, delivered and ordered in whatever sequence: each event that is of all masks comes
// exactly once and in order. (Those of one mask alone are the entry's while that mask is.)
TEST(Crossings, no_event_is_lost_or_repeated_whatever_comes_in_between) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    ServedChannel c;
    const uint8_t masks[] = {kV, kVA, kA};
    c.post();
    Entry& e = c.open(0, c.subscribe(kV));
    Entry& other = c.open(1000, c.subscribe(kVA));
    uint32_t last_index = 0;
    std::vector<uint32_t> common{1};
    for (int step = 0; step < 120; ++step) {
      switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
          const uint8_t kinds = random() % 3 ? kVA : masks[random() % 3];
          c.post(kinds);
          if (kinds == kVA) common.push_back(c.posted);
          break;
        }
        case 3:
          if (random() % 3 == 0) {
            const uint8_t mask = masks[random() % 3];
            const bool rekey = random() % 2;
            Subscription* to =
                e.subscription->mask == Mask{mask} && !rekey ? e.subscription : &c.subscribe(mask);
            if (rekey) ++last_index;
            c.delivery.crossings.begin(e, *to, rekey ? c.handle(last_index) : nullptr,
                                       EntryIndex{last_index});
            break;
          }
          [[fallthrough]];
        default: {
          std::vector<Subscription*> all;
          for (Subscription* s = c.channel.subscriptions; s; s = s->next) all.push_back(s);
          c.deliver(*all[random() % all.size()]);
        }
      }
      if (random() % 4 == 0) c.tidy();
    }
    c.post(kVA);
    common.push_back(c.posted);
    for (bool any = true; any;) {
      any = false;
      for (Subscription* s = c.channel.subscriptions; s; s = s->next) any = c.deliver(*s) || any;
    }
    c.tidy();
    EXPECT_FALSE(e.crosses);
    EXPECT_EQ(c.delivery.crossings.held_bytes(), 0u);
    std::map<uint32_t, size_t> came;
    uint32_t last = 0;
    for (uint32_t index = 0; index <= last_index; ++index)
      for (bool first = true; uint32_t number : c.numbers(index)) {
        const bool is_first_value = std::exchange(first, false) && number == last;
        if (is_first_value) continue;  // under the new key
        EXPECT_GT(number, last);
        last = number;
        ++came[number];
      }
    for (uint32_t number : common) EXPECT_EQ(came[number], 1u) << number;
    EXPECT_EQ(c.numbers(1000).back(), c.posted);
    (void)other;
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace e2k::worker::ca
