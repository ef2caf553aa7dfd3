#include "supervisor/status/crash_loops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

using testing::HasSubstr;

struct CrashLoopsTest : testing::Test {
  CrashLoops loops;
  void die(int64_t second, ExitCause cause = ExitCause::crash, const std::string& at_work = "publish: t/a") {
    Obituary worker;
    worker.slot = Slot{3};
    worker.cause = cause;
    worker.how = "signal 6 (SIGABRT)";
    loops.on_death(worker, at_work, at(second));
  }
  static MonotonicNs at(int64_t second) { return MonotonicNs{second * kNsPerSecond}; }
  std::string problem(int64_t second) const { return loops.problem(at(second)); }
};

TEST_F(CrashLoopsTest, how_often_within_which_time_and_over_what_is_told_from_the_second_death_on) {
  die(100);
  EXPECT_EQ(problem(101), "");
  die(110);
  die(142);
  EXPECT_THAT(problem(147),
              HasSubstr("worker 3 died 3 times within 42 s, last 5 s ago by signal 6 (SIGABRT), at work "
                        "on publish: t/a. "));
}

TEST_F(CrashLoopsTest, a_slow_loop_is_one_and_ends_when_it_has_been_quiet_for_twice_its_pace) {
  for (const int64_t second : {0, 200, 400, 600}) die(second);
  EXPECT_THAT(problem(999), HasSubstr("died 4 times"));
  EXPECT_EQ(problem(1001), "");
  die(1100);
  EXPECT_EQ(problem(1101), "") << "the first of another";
}

TEST_F(CrashLoopsTest, a_quick_loop_ends_after_a_minute_and_what_was_asked_for_is_no_crash) {
  die(0);
  die(1);
  EXPECT_NE(problem(61), "");
  EXPECT_EQ(problem(62), "");
  die(400, ExitCause::requested);
  die(401, ExitCause::requested);
  EXPECT_EQ(problem(402), "");
}

}  // namespace
}  // namespace e2k::supervisor
