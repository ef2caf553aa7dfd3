#include "worker/ca/search/beacons.h"

#include <gtest/gtest.h>

#include "worker/ca/search/frame_budget.h"

namespace e2k::worker::search {
namespace {

constexpr int64_t kS = kNsPerSecond;
constexpr ServerAddress kServer{1, 5064};

class Listener {
public:
  bool hear(int64_t at_ns, uint32_t number, ServerAddress server = kServer) {
    return beacons.take({server, number, 13}, MonotonicNs{at_ns});
  }
  Beacons beacons{MonotonicNs{0}};
};

// 15 s apart, for long enough that the period is known.
int64_t settle(Listener& listener, uint32_t& number, ServerAddress server = kServer) {
  int64_t at = 1'000 * kS;
  for (int i = 0; i < 20; ++i, at += 15 * kS) listener.hear(at, ++number, server);
  return at;
}

TEST(Beacons, a_steady_server_says_nothing_new) {
  Listener listener;
  uint32_t number = 0;
  int64_t at = settle(listener, number);
  for (int i = 0; i < 100; ++i, at += 15 * kS) EXPECT_FALSE(listener.hear(at, ++number));
}

TEST(Beacons, a_server_that_starts_anew_is_seen_by_its_quick_beacons) {
  Listener listener;
  uint32_t number = 0;
  const int64_t at = settle(listener, number) - 10 * kS;
  EXPECT_FALSE(listener.hear(at, 0)) << "it could be one of before on a longer way";
  EXPECT_TRUE(listener.hear(at + 40 * kNsPerMs, 1));
}

TEST(Beacons, a_server_that_was_away_is_seen_by_the_pause) {
  Listener listener;
  uint32_t number = 0;
  const int64_t at = settle(listener, number);
  EXPECT_TRUE(listener.hear(at + 60 * kS, number + 5));
}

TEST(Beacons, a_new_server_is_seen_by_its_second_beacon) {
  Listener listener;
  EXPECT_FALSE(listener.hear(100 * kS, 0));
  EXPECT_TRUE(listener.hear(100 * kS + 40 * kNsPerMs, 1));
}

TEST(Beacons, a_server_that_was_there_before_us_is_not_new) {
  Listener listener;
  EXPECT_FALSE(listener.hear(2 * kS, 500));
  EXPECT_FALSE(listener.hear(17 * kS, 501));
}

// A pair of gateways, or a foreign sender, under one address.
TEST(Beacons, numbers_that_jump_back_say_nothing) {
  Listener listener;
  uint32_t number = 5'000;
  int64_t at = settle(listener, number);
  size_t believed = 0;
  for (uint32_t i = 0; i < 30 * 50; ++i, at += 20 * kNsPerMs)
    believed += listener.hear(at, i % 2 ? 5'000 + i : i);
  EXPECT_LE(believed, 1u);
}

TEST(Beacons, a_server_is_believed_once_a_minute) {
  Listener listener;
  uint32_t number = 0;
  int64_t at = settle(listener, number);
  size_t believed = 0;
  const int64_t end = at + 60 * kS;
  // Ever quicker, so that each one is an anomaly.
  for (int64_t period = 10 * kS; at < end && period > kNsPerMs; period = period * 7 / 10, at += period)
    believed += listener.hear(at, ++number);
  EXPECT_EQ(believed, 1u);
}

TEST(Beacons, all_servers_together_have_a_ceiling) {
  Listener listener;
  size_t believed = 0;
  for (int64_t at = 100 * kS; at < 160 * kS; at += kNsPerMs)
    believed += listener.hear(at, static_cast<uint32_t>(at / kS),
                              {static_cast<uint32_t>(at / kNsPerMs % 1'000), 5064});
  EXPECT_LE(believed, size_t{Beacons::kBurst} + 60 * kS / Beacons::kCommonIntervalNs);
}

TEST(Beacons, after_the_loss_of_its_circuit_a_server_is_judged_as_a_new_one) {
  Listener listener;
  uint32_t number = 0;
  const int64_t at = settle(listener, number);
  listener.beacons.forget(kServer);
  EXPECT_FALSE(listener.hear(at, ++number));
  EXPECT_TRUE(listener.hear(at + 15 * kS, ++number));
}

TEST(FrameBudget, gives_so_many_at_once_and_so_many_a_second) {
  FrameBudget budget(10, 3);
  int64_t now = 100 * kS;
  EXPECT_EQ(budget.available(MonotonicNs{now}), 3);
  budget.spend(3, MonotonicNs{now});
  EXPECT_EQ(budget.available(MonotonicNs{now}), 0);
  EXPECT_EQ(budget.next().value, now + 100 * kNsPerMs);
  EXPECT_EQ(budget.available(MonotonicNs{now + 100 * kNsPerMs}), 1);
  EXPECT_EQ(budget.available(MonotonicNs{now + 10 * kS}), 3);
}

}  // namespace
}  // namespace e2k::worker::search
