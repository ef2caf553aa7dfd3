// The search for a channel that no flight word names.
#include <gtest/gtest.h>

#include <set>

#include "supervisor/quarantine/bisection.h"

namespace e2k::supervisor {
namespace {

constexpr int64_t kStepNs = 100 * kNsPerMs;

// A worker that crashes `after_ns` after it has been given the channel.
struct Patient {
  std::vector<std::string> channels;
  std::string poison;
  int64_t after_ns = 50 * kNsPerMs;
  Bisection bisection = {};
  std::set<std::string> withheld = {};
  MonotonicNs now{kNsPerSecond};
  size_t crashes = 0;
  std::optional<std::string> guilty = {};
  bool ended = false;

  void obey(Bisection::Orders orders) {
    for (const auto& name : orders.serve) withheld.erase(name);
    for (const auto& name : orders.withhold) withheld.insert(name);
    if (orders.guilty) guilty = orders.guilty;
    ended |= orders.ended;
  }
  // Until somebody is named, or the search is over, or time is.
  void live(int64_t ns) {
    const MonotonicNs until{now.value + ns};
    while (now < until && !guilty && !ended) {
      const bool kills = !poison.empty() && !withheld.contains(poison);
      if (kills) {
        obey(bisection.on_time(now, true));
        now.value += after_ns;
        ++crashes;
        obey(bisection.on_crash(now, [&] { return channels; }));
        now.value += 200 * kNsPerMs;  // until the next one serves
        obey(bisection.on_time(now, false));
        continue;
      }
      obey(bisection.on_time(now, true));
      now.value += kStepNs;
    }
  }
};

std::vector<std::string> names(size_t count) {
  std::vector<std::string> out;
  for (size_t i = 0; i < count; ++i) out.push_back("c" + std::to_string(100'000 + i));
  return out;
}

TEST(Bisection, finds_any_one_of_ten_thousand_within_fourteen_crashes_and_thirty_seconds) {
  for (const size_t at : {0u, 1u, 17u, 3999u, 4000u, 5000u, 8192u, 9998u, 9999u}) {
    Patient patient{names(10'000), names(10'000)[at]};
    patient.live(60 * kNsPerSecond);
    ASSERT_EQ(patient.guilty, patient.poison) << at;
    EXPECT_LE(patient.crashes, 14u) << at;
    EXPECT_LE(patient.now.value, 31 * kNsPerSecond) << at;
    EXPECT_TRUE(patient.withheld.empty()) << at;
    EXPECT_FALSE(patient.bisection.is_searching());
  }
}

TEST(Bisection, one_crash_is_no_reason_to_search) {
  Bisection bisection = {};
  const auto orders = bisection.on_crash(MonotonicNs{1}, [] { return names(10); });
  EXPECT_TRUE(orders.withhold.empty());
  EXPECT_FALSE(bisection.is_searching());
}

TEST(Bisection, crashes_that_are_far_apart_are_no_reason_either) {
  Bisection bisection = {};
  (void)bisection.on_crash(MonotonicNs{1}, [] { return names(10); });
  (void)bisection.on_crash(MonotonicNs{61 * kNsPerSecond + 2}, [] { return names(10); });
  EXPECT_FALSE(bisection.is_searching());
}

TEST(Bisection, a_channel_that_kills_late_is_given_the_time_for_it) {
  Patient patient{names(100), "c100042", 3 * kNsPerSecond};
  patient.live(600 * kNsPerSecond);
  EXPECT_EQ(patient.guilty, "c100042");
}

TEST(Bisection, where_crashes_stop_nobody_is_named_and_all_are_served_again) {
  Patient patient{names(100), "c100042"};
  patient.live(400 * kNsPerMs);
  ASSERT_TRUE(patient.bisection.is_searching());
  patient.poison.clear();
  patient.live(120 * kNsPerSecond);
  EXPECT_TRUE(patient.ended);
  EXPECT_EQ(patient.guilty, std::nullopt);
  EXPECT_TRUE(patient.withheld.empty());
}

TEST(Bisection, a_search_that_is_given_up_withholds_nothing) {
  Patient patient{names(100), "c100042"};
  patient.live(400 * kNsPerMs);
  patient.obey(patient.bisection.give_up());
  EXPECT_TRUE(patient.withheld.empty());
  EXPECT_FALSE(patient.bisection.is_searching());
}

TEST(Bisection, a_slot_with_one_channel_convicts_it_by_one_more_crash) {
  Patient patient{names(1), "c100000"};
  patient.live(10 * kNsPerSecond);
  EXPECT_EQ(patient.guilty, "c100000");
  EXPECT_EQ(patient.crashes, 3u);
}

}  // namespace
}  // namespace e2k::supervisor
