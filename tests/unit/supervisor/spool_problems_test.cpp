#include "supervisor/status/spool_problems.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace e2k::supervisor {
namespace {

using ledger::Blocked;
using ledger::LossReason;
constexpr uint64_t kMiB = 1 << 20;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct SpoolProblemsTest : testing::Test {
  SpoolProblemsTest() {
    figures.resize(1);
    figures[0].max_bytes = 100 * kMiB;
  }
  // A look a second, as the service does.
  SpoolProblems after(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now.value += kNsPerSecond;
      judge.look(figures, now);
    }
    return judge.judge(now);
  }
  uint64_t& lost(LossReason reason) { return figures[0].lost[static_cast<size_t>(reason)]; }
  void tell(LineNews news) { judge.tell(std::move(news), now); }

  std::vector<SpoolFigures> figures;
  SpoolJudge judge;
  MonotonicNs now{1000 * kNsPerSecond};
};

TEST_F(SpoolProblemsTest, nothing_is_said_while_all_is_well) {
  const SpoolProblems p = after(10);
  for (const std::string& text : {p.topic_blocked, p.spool_filling, p.spool_full, p.events_lost,
                                  p.records_refused, p.log_damaged, p.spool_gone})
    EXPECT_EQ(text, "");
  EXPECT_FALSE(judge.wants_lines(now));
}

TEST_F(SpoolProblemsTest, what_was_lost_before_the_start_is_no_news) {
  lost(LossReason::spool_io) = 7;
  figures[0].damaged_segments = 2;
  EXPECT_EQ(after(5).events_lost, "");
  EXPECT_EQ(after(1).log_damaged, "");
}

TEST_F(SpoolProblemsTest, what_a_slot_that_appears_later_lost_is_news) {
  after(1);
  figures.emplace_back().slot = Slot{4};
  figures.back().lost[static_cast<size_t>(LossReason::spool_gone)] = 3;
  const SpoolProblems p = after(1);
  EXPECT_TRUE(has(p.events_lost, "3 events")) << p.events_lost;
  EXPECT_TRUE(has(p.spool_gone, "3 events of slot 4")) << p.spool_gone;
}

TEST_F(SpoolProblemsTest, losses_are_told_by_reason_with_examples_until_five_minutes_after_the_last) {
  after(1);
  lost(LossReason::spool_io) += 2;
  lost(LossReason::refused_by_broker) += 1;
  after(1);
  EXPECT_TRUE(judge.wants_lines(now));
  LineNews news;
  news.losses = {{"c1", "t1", LossReason::spool_io}, {"c2", "t2", LossReason::refused_by_broker}};
  tell(news);
  EXPECT_FALSE(judge.wants_lines(now));
  SpoolProblems p = after(200);
  EXPECT_TRUE(has(p.events_lost, "3 events were lost within five minutes, the last 3 minutes ago: "))
      << p.events_lost;
  EXPECT_TRUE(has(p.events_lost, "2 spool_io, 1 refused_by_broker")) << p.events_lost;
  EXPECT_TRUE(has(p.events_lost, "c1 (topic t1), c2 (topic t2)")) << p.events_lost;
  EXPECT_TRUE(has(p.records_refused, "1 records")) << p.records_refused;
  EXPECT_TRUE(has(p.records_refused, "c2")) << p.records_refused;
  EXPECT_FALSE(has(p.records_refused, "c1")) << p.records_refused;
  lost(LossReason::spool_io) += 1;
  p = after(150);
  EXPECT_TRUE(has(p.events_lost, "1 events were lost")) << p.events_lost;
  EXPECT_EQ(p.records_refused, "");
  EXPECT_EQ(after(200).events_lost, "");
}

TEST_F(SpoolProblemsTest, a_spool_that_fills_says_how_long_it_lasts_and_a_full_one_that_it_is_full) {
  figures[0].used_bytes = 10 * kMiB;
  EXPECT_EQ(after(30).spool_filling, "");
  for (int i = 0; i < 60; ++i) {
    figures[0].used_bytes += kMiB / 4;  // 25 MiB after a minute
    after(1);
  }
  SpoolProblems p = judge.judge(now);
  EXPECT_TRUE(has(p.spool_filling, "worker 0 fills: 25.0 MiB of 100.0 MiB")) << p.spool_filling;
  EXPECT_TRUE(has(p.spool_filling, "full in 5 minutes")) << p.spool_filling;
  EXPECT_EQ(p.spool_full, "");
  figures[0].used_bytes = 99 * kMiB;
  p = after(1);
  EXPECT_TRUE(has(p.spool_full, "worker 0 is full")) << p.spool_full;
  EXPECT_EQ(p.spool_filling, "");
  figures[0].used_bytes = 50 * kMiB;
  EXPECT_TRUE(has(after(100).spool_filling, "50.0 MiB"));
  figures[0].used_bytes = 47 * kMiB;
  EXPECT_NE(after(1).spool_filling, "") << "no flapping about the half";
  figures[0].used_bytes = 40 * kMiB;
  EXPECT_EQ(after(1).spool_filling, "");
}

TEST_F(SpoolProblemsTest, a_file_system_with_less_room_than_the_share_is_reckoned_with) {
  figures[0].max_bytes = 10'000 * kMiB;
  figures[0].file_bytes = 600 * kMiB;
  figures[0].disk_room_bytes = 400 * kMiB;
  for (int i = 0; i < 60; ++i) {
    figures[0].used_bytes += 10 * kMiB;
    after(1);
  }
  EXPECT_EQ(figures[0].used_bytes, figures[0].file_bytes);
  const std::string told = judge.judge(now).spool_filling;
  EXPECT_TRUE(has(told, "600.0 MiB of ")) << told;
  EXPECT_TRUE(has(told, "full in 40 s, since its file system has no room for more")) << told;
  figures[0].disk_room_bytes = UINT64_MAX / 2;
  const std::string enough = after(1).spool_filling;
  EXPECT_FALSE(has(enough, "file system")) << enough;
}

TEST_F(SpoolProblemsTest, a_spool_is_full_where_the_disk_is_although_its_share_is_not) {
  after(1);
  lost(LossReason::no_segment) += 1;
  EXPECT_TRUE(has(after(1).spool_full, "keep_free_bytes"));
  EXPECT_EQ(after(60).spool_full, "");
}

TEST_F(SpoolProblemsTest, a_blocked_topic_is_named_with_cause_waiting_events_and_remedy_until_it_opens) {
  after(1);
  figures[0].oldest_waiting_s = 3;
  after(1);
  ASSERT_TRUE(judge.wants_lines(now));
  LineNews news;
  news.blocked["t1"] = {Blocked::no_topic, 2, 40};
  for (int i = 0; i < 8; ++i) news.blocked["u" + std::to_string(i)] = {Blocked::no_leader, 1, 1};
  tell(news);
  figures[0].aside_bytes = 10 * kMiB;
  figures[0].aside_max_bytes = 25 * kMiB;
  SpoolProblems p = after(3);
  EXPECT_TRUE(has(p.topic_blocked, "topic t1 does not exist: 40 events of 2 entries wait"))
      << p.topic_blocked;
  EXPECT_TRUE(has(p.topic_blocked, "--create --topic t1")) << p.topic_blocked;
  EXPECT_TRUE(has(p.topic_blocked, "and 4 more topics")) << p.topic_blocked;
  EXPECT_TRUE(has(p.topic_blocked, "10.0 MiB of the 25.0 MiB")) << p.topic_blocked;
  EXPECT_TRUE(has(p.topic_blocked, "entries wait, for 3 s, ") ||
              has(p.topic_blocked, "entries wait, for 3 s;"))
      << p.topic_blocked;
  news.blocked["t1"].waiting = 70;
  tell(news);
  for (int i = 0; i < 30; ++i) {
    figures[0].aside_bytes += kMiB / 10;
    after(1);
  }
  p = judge.judge(now);
  EXPECT_TRUE(has(p.topic_blocked, "10.0 more a second")) << p.topic_blocked;
  EXPECT_TRUE(has(p.topic_blocked, "lasts for")) << p.topic_blocked;
  EXPECT_TRUE(has(p.topic_blocked, "entries wait, for 33 s, 10.0 more a second")) << p.topic_blocked;
  figures[0].oldest_waiting_s = 0;
  figures[0].aside_logs = 0;
  after(1);
  EXPECT_TRUE(judge.wants_lines(now)) << "whether it still stands";
  tell({});
  EXPECT_EQ(judge.judge(now).topic_blocked, "");
}

TEST_F(SpoolProblemsTest, damage_and_missing_files_are_told_for_an_hour) {
  after(1);
  figures[0].damaged_segments = 2;
  lost(LossReason::damaged) += 5;
  SpoolProblems p = after(1);
  EXPECT_TRUE(has(p.log_damaged, "2 files of slot 0, with 5 events")) << p.log_damaged;
  figures[0].unreconciled = true;
  EXPECT_TRUE(has(after(1).spool_gone, "slot 0 is being found out"));
  figures[0].unreconciled = false;
  EXPECT_EQ(after(1).spool_gone, "");
  EXPECT_NE(after(3000).log_damaged, "");
  EXPECT_EQ(after(700).log_damaged, "");
}

}  // namespace
}  // namespace e2k::supervisor
