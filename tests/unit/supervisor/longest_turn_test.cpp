#include "supervisor/longest_turn.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "supervisor/loop_turns.h"

namespace e2k::supervisor {
namespace {

constexpr MonotonicNs at(int64_t second) {
  return MonotonicNs{second * kNsPerSecond};
}

TEST(LongestTurn, is_shown_for_about_a_minute) {
  LongestTurn longest;
  longest.note(7, at(1000));
  longest.note(3, at(1030));
  EXPECT_EQ(longest.in_last_minute_ns(at(1049)), 7);
  EXPECT_EQ(longest.in_last_minute_ns(at(1065)), 3);
  EXPECT_EQ(longest.in_last_minute_ns(at(2000)), 0);
}

TEST(LoopTurns, a_handler_that_keeps_others_waiting_is_seen_wherever_it_stands) {
  const auto busy = [] {
    const int64_t end = monotonic_now().value + 30 * kNsPerMs;
    while (monotonic_now().value < end) {
    }
  };
  for (int before = 0; before < 2; ++before) {
    boost::asio::io_context loop;
    for (int i = 0; i < before; ++i) boost::asio::post(loop, [] {});
    boost::asio::post(loop, busy);
    LoopTurns turns;
    turns.run(loop);
    EXPECT_GE(turns.longest_s(), 0.02);
  }
}

}  // namespace
}  // namespace e2k::supervisor
