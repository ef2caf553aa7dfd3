// A clock of numbers.
#include <gtest/gtest.h>

#include "worker/registry/retry_policy.h"

namespace e2k::worker {
namespace {

constexpr uint32_t kNoChance = 0;
constexpr uint32_t kAllChance = UINT32_MAX;
constexpr MonotonicNs kNow{5 * kNsPerSecond};

int64_t pause_ms(const RetryState& state) {
  return (state.due.value - kNow.value) / kNsPerMs;
}

TEST(RetryPolicy, pauses_double_up_to_ten_seconds) {
  RetryState state;
  for (const int64_t expected : {250, 500, 1000, 2000, 4000, 8000, 10'000, 10'000, 10'000}) {
    state = step(state, RetryEvent::unavailable, kNow, kNoChance, {});
    EXPECT_EQ(pause_ms(state), expected);
  }
}

TEST(RetryPolicy, long_outage_does_not_overflow) {
  RetryState state{UINT32_MAX - 1, {}};
  state = step(state, RetryEvent::unavailable, kNow, kNoChance, {});
  EXPECT_EQ(pause_ms(state), 10'000);
}

TEST(RetryPolicy, chance_takes_up_to_a_quarter) {
  EXPECT_EQ(pause_ms(step({}, RetryEvent::unavailable, kNow, kAllChance, {})), 187);
  EXPECT_EQ(pause_ms(step({}, RetryEvent::unavailable, kNow, kAllChance / 2, {})), 218);
  EXPECT_EQ(pause_ms(step({20, {}}, RetryEvent::unavailable, kNow, kAllChance, {})), 7500);
}

TEST(RetryPolicy, answer_ends_the_pauses) {
  RetryState state;
  for (int i = 0; i < 5; ++i) state = step(state, RetryEvent::unavailable, kNow, kNoChance, {});
  state = step(state, RetryEvent::answered, kNow, kNoChance, {});
  EXPECT_LE(state.due, kNow);
  state = step(state, RetryEvent::unavailable, kNow, kNoChance, {});
  EXPECT_EQ(pause_ms(state), 250);
}

TEST(RetryPolicy, rejected_waits_thirty_seconds_each_time) {
  RetryState state;
  for (int i = 0; i < 3; ++i) {
    state = step(state, RetryEvent::rejected, kNow, kAllChance, {});
    EXPECT_EQ(pause_ms(state), 30'000);
  }
}

}  // namespace
}  // namespace e2k::worker
