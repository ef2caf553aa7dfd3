#include "worker/spool/room_line.h"

#include <gtest/gtest.h>

#include <vector>

namespace e2k::spool {
namespace {

constexpr int64_t kMs = 1'000'000;

class RoomLineTest : public testing::Test {
protected:
  // The keeper's turns for so long.
  void turns(RoomState state, int64_t ms, uint64_t lost_a_turn = 0) {
    for (int64_t end = now_ns_ + ms * kMs; now_ns_ < end; now_ns_ += 500 * kMs) turn(state, lost_a_turn);
  }
  void turn(RoomState state, uint64_t lost = 0) {
    if (const auto told = line_.take(state, lost_ += lost, now_ns_)) told_.push_back(*told);
  }

  RoomLine line_;
  std::vector<RoomState> told_;
  int64_t now_ns_ = 1'000 * kMs;
  uint64_t lost_ = 77;  // by a predecessor
};

using Lines = std::vector<RoomState>;

TEST_F(RoomLineTest, segments_that_are_used_again_are_no_trouble) {
  for (int i = 0; i < 100; ++i) {
    turns(RoomState::full, 1300);
    turn(RoomState::ok);
  }
  EXPECT_EQ(told_, Lines{});
}

TEST_F(RoomLineTest, a_full_spool_that_drops_is_told_once_and_its_end_after_a_while) {
  turn(RoomState::full);
  for (int i = 0; i < 100; ++i) {
    turns(RoomState::full, 1000, 5);
    turn(RoomState::ok);
  }
  EXPECT_EQ(told_, Lines{RoomState::full});
  turns(RoomState::full, 29'000);
  EXPECT_EQ(told_, Lines{RoomState::full});
  turns(RoomState::full, 2'000);
  EXPECT_EQ(told_, (Lines{RoomState::full, RoomState::ok}));
  turns(RoomState::full, 1'000, 1);
  EXPECT_EQ(told_, (Lines{RoomState::full, RoomState::ok, RoomState::full}));
}

TEST_F(RoomLineTest, what_is_lost_while_there_is_room_is_another_matter) {
  turns(RoomState::ok, 10'000, 5);
  EXPECT_EQ(told_, Lines{});
}

TEST_F(RoomLineTest, a_file_system_without_room_is_told_when_it_stands) {
  turn(RoomState::disk_full);
  turn(RoomState::ok);
  EXPECT_EQ(told_, Lines{});
  turns(RoomState::disk_full, 60'000);
  EXPECT_EQ(told_, Lines{RoomState::disk_full});
  turns(RoomState::ok, 31'000);
  EXPECT_EQ(told_, (Lines{RoomState::disk_full, RoomState::ok}));
}

TEST_F(RoomLineTest, another_trouble_is_told_but_not_each_time) {
  turns(RoomState::failing, 2'000);
  for (int i = 0; i < 60; ++i) {
    turns(RoomState::full, 1'000, 1);
    turns(RoomState::failing, 2'000);
  }
  EXPECT_LE(told_.size(), 8u) << "in three minutes";
}

}  // namespace
}  // namespace e2k::spool
