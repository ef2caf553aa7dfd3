// What a feed makes of logs that somebody removed, cut or wrote over: what can be read is published, the rest
// is counted as lost, and the books balance.
#include <fstream>

#include "tests/unit/publish/feed_fixture.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

namespace fs = std::filesystem;
using ledger::LossReason;
using spool::Segment;

class FeedLogsTest : public FeedFixture {
protected:
  // Of generation 1: 3000 events of entry 0, in three segments.
  void leave_a_log() {
    begin_appending();
    IntakeEntry& e = log_->open(0);
    for (int i = 0; i < 3000;) {
      const uint64_t before = counts(0).lost;
      log_->intake->event(e, DoubleEvent(i));
      if (counts(0).lost == before) ++i;
    }
    received_ = counts(0).received;
    end();
  }
  std::string file(uint32_t generation, uint64_t number) {
    return older_folder(generation) + "/" + Segment::file_name(number);
  }
  // The unit of the nth event of a segment.
  static uint64_t unit_of_event(Segment& segment, int nth) {
    spool::RecordView record;
    for (uint64_t unit = 0; spool::read_record(segment.view(), unit, record) == spool::ReadOutcome::record;
         unit += record.units)
      if (record.is_event() && nth-- == 0) return unit;
    throw std::runtime_error("no such event");
  }
  static int events_in(Segment& segment) {
    int events = 0;
    spool::RecordView record;
    for (uint64_t unit = 0; spool::read_record(segment.view(), unit, record) == spool::ReadOutcome::record;
         unit += record.units)
      events += record.is_event() ? 1 : 0;
    return events;
  }
  static void flip(Segment& segment, uint64_t unit) {
    segment.data()[unit * spool::kUnitBytes + 20] ^= std::byte{1};
  }
  // Books and Kafka agree; `missing` were lost for that reason.
  void expect_drained_but(uint64_t missing, LossReason reason) {
    ASSERT_TRUE(drained());
    EXPECT_EQ(lost_for(reason), missing);
    EXPECT_EQ(lost(0), missing);
    EXPECT_EQ(counts(0).waiting, 0u);
    EXPECT_EQ(header().appended.load(), counts(0).acknowledged + missing);
    EXPECT_EQ(header().acknowledged.load(), counts(0).acknowledged);
    EXPECT_TRUE(turn_until([&] { return header().unreconciled.load() == 0; }));
  }
  static std::vector<std::string> without_losses(std::vector<std::string> values) {
    std::erase_if(values, [](const auto& v) { return v.starts_with("Lost"); });
    return values;
  }
  std::vector<std::string> numbers_without(int from, int upto) {
    auto all = numbers(0, 3000);
    all.erase(all.begin() + from, all.begin() + upto);
    return all;
  }

  uint64_t received_ = 0;
};

TEST_F(FeedLogsTest, folder_that_is_removed_while_nobody_runs_is_counted_as_lost) {
  begin_appending();
  append_without_turning(log_->open(0), 0, 10);
  begin_appending();
  append_without_turning(log_->open(0), 10, 30);
  end();
  // The books tell of it once they were kept by a feed.
  begin();
  append_without_turning(log_->open(0), 30, 35);
  feed_->begin_turn(monotonic_now().value, real_now().value);
  feed_->tidy();
  end();
  fs::remove_all(older_folder(1));
  begin();
  expect_drained_but(10, LossReason::spool_gone);
  auto expected = numbers(10, 35);
  expected.insert(expected.begin(), "Lost 10 events");
  EXPECT_EQ(consumed("t"), expected);
}

TEST_F(FeedLogsTest, segment_file_that_is_gone_is_found_out_when_all_is_read) {
  leave_a_log();
  const int gone = events_in(*must(Segment::open(older_folder(1), 2)));
  const int before = events_in(*must(Segment::open(older_folder(1), 1)));
  fs::remove(file(1, 2));
  begin();
  expect_drained_but(static_cast<uint64_t>(gone), LossReason::spool_gone);
  EXPECT_EQ(without_losses(consumed("t")), numbers_without(before, before + gone));
}

TEST_F(FeedLogsTest, segment_that_was_cut_short_is_put_aside_and_counted) {
  leave_a_log();
  const int gone = events_in(*must(Segment::open(older_folder(1), 2)));
  const int before = events_in(*must(Segment::open(older_folder(1), 1)));
  fs::resize_file(file(1, 2), 10'000);
  begin();
  expect_drained_but(static_cast<uint64_t>(gone), LossReason::damaged);
  EXPECT_EQ(without_losses(consumed("t")), numbers_without(before, before + gone));
  EXPECT_TRUE(fs::exists(folder_.path() + "/damaged/0.1-" + Segment::file_name(2)));
  EXPECT_EQ(header().damaged_segments.load(), 1u);
  EXPECT_TRUE(turn_until([&] { return header().older_bytes.load() == 0; }));
}

TEST_F(FeedLogsTest, segment_of_another_format_is_put_aside_and_counted) {
  leave_a_log();
  const int gone = events_in(*must(Segment::open(older_folder(1), 1)));
  {
    const auto segment = must(Segment::open(older_folder(1), 1));
    const_cast<spool::SegmentHeader&>(segment->header()).format_version = 99;
  }
  begin();
  expect_drained_but(static_cast<uint64_t>(gone), LossReason::damaged);
  EXPECT_EQ(without_losses(consumed("t")), numbers_without(0, gone));
}

TEST_F(FeedLogsTest, record_that_was_written_over_ends_its_segment_and_not_its_log) {
  leave_a_log();
  int gone = 0;
  {
    const auto segment = must(Segment::open(older_folder(1), 1));
    gone = events_in(*segment) - 100;
    flip(*segment, unit_of_event(*segment, 100));
  }
  begin();
  expect_drained_but(static_cast<uint64_t>(gone), LossReason::damaged);
  EXPECT_EQ(without_losses(consumed("t")), numbers_without(100, 100 + gone));
  EXPECT_TRUE(fs::exists(folder_.path() + "/damaged/0.1-" + Segment::file_name(1)));
}

TEST_F(FeedLogsTest, record_of_the_live_log_that_was_written_over_costs_the_rest_of_its_segment) {
  begin();
  IntakeEntry& e = log_->open(0);
  append_without_turning(e, 0, 100);
  Segment& live = *log_->live->log().first();
  flip(live, unit_of_event(live, 60));
  ASSERT_TRUE(turn_until([&] { return counts(0).acknowledged == 60; }));
  append(e, 100, 120);
  expect_drained_but(40, LossReason::damaged);
  EXPECT_EQ(without_losses(consumed("t")).size(), 80u);
}

TEST_F(FeedLogsTest, foreign_file_and_a_torn_tail_hold_nothing_up) {
  leave_a_log();
  std::ofstream(older_folder(1) + "/notes.txt") << "x";
  {
    const auto segment = must(Segment::open(older_folder(1), 3));
    const int events = events_in(*segment);
    // All of a record but its length.
    const uint64_t last = unit_of_event(*segment, events - 1);
    std::memcpy(segment->data() + (last + 1) * spool::kUnitBytes + 4,
                segment->data() + last * spool::kUnitBytes + 4, spool::kUnitBytes - 4);
  }
  begin();
  append(log_->open(0), 3000, 3010);
  expect_drained_but(0, LossReason::damaged);
  EXPECT_EQ(consumed("t"), numbers(0, 3010));
}

TEST_F(FeedLogsTest, record_of_an_unknown_kind_is_passed_over) {
  leave_a_log();
  {
    const auto segment = must(Segment::open(older_folder(1), 3));
    const uint64_t unit = unit_of_event(*segment, events_in(*segment) - 1) + 1;
    spool::RecordHeader& h = segment->record(unit);
    h = {};
    h.position = spool::Position::at(3, unit).word;
    h.kind = static_cast<spool::RecordKind>(9);
    h.crc32c = spool::record_checksum(3, 100, &h);
    spool::commit(*segment, unit, 100);
  }
  begin();
  append(log_->open(0), 3000, 3010);
  expect_drained_but(0, LossReason::damaged);
  EXPECT_EQ(consumed("t"), numbers(0, 3010));
}

TEST_F(FeedLogsTest, books_that_are_older_than_the_logs_after_the_machines_death_are_found_out) {
  leave_a_log();
  {
    for (uint64_t number = 1; number <= 3; ++number)
      const_cast<spool::SegmentHeader&>(must(Segment::open(older_folder(1), number))->header()).boot_id[0] ^=
          1;
    for (const auto& each : fs::directory_iterator(older_folder(1)))
      if (const auto number = Segment::number_of(each.path().filename().string()))
        if (*number > 3)
          const_cast<spool::SegmentHeader&>(must(Segment::open(older_folder(1), *number))->header())
              .boot_id[0] ^= 1;
    auto books = must(ledger::Ledger::open_for_repair(folder_.path() + "/ledger"));
    books->used_line(EntryIndex{0})->ca.appended.store(2'500);
    books->header().appended.store(2'500);
  }
  begin();
  EXPECT_EQ(counts(0).waiting, 3000u);
  expect_drained_but(0, LossReason::spool_gone);
  EXPECT_EQ(consumed("t"), numbers(0, 3000));
}

class AsideDamageTest : public FeedLogsTest {
protected:
  // 600 events of a blocked topic in a log of its own, and a process that ended.
  void leave_an_aside_log() {
    aside_segment_bytes_ = 16'384;
    block("away");
    begin();
    IntakeEntry& away = log_->open(0, "away", "a");
    IntakeEntry& healthy = log_->open(1, "healthy", "h");
    append(away, 0, 1);
    ASSERT_TRUE(turn_until([&] { return why(0) == ledger::Blocked::no_topic; }));
    append(away, 1, 600);
    append(healthy, 0, 5000);
    ASSERT_TRUE(turn_until([&] { return counts(1).waiting == 0 && header().aside_logs.load() == 1; }));
    end();
    mend("away");
  }
  std::string aside_folder() { return folder_.path() + "/0.aside/1"; }
};

TEST_F(AsideDamageTest, damage_in_the_middle_of_a_topics_own_log_costs_the_rest_of_its_segment) {
  ASSERT_NO_FATAL_FAILURE(leave_an_aside_log());
  int gone = 0;
  {
    const auto segment = must(Segment::open(aside_folder(), 1));
    gone = events_in(*segment) - 10;
    flip(*segment, unit_of_event(*segment, 10));
  }
  begin();
  ASSERT_TRUE(drained());
  EXPECT_EQ(lost(0), static_cast<uint64_t>(gone));
  EXPECT_EQ(counts(0).acknowledged, 600u - static_cast<uint64_t>(gone));
  auto expected = numbers(0, 600);
  expected.erase(expected.begin() + 10, expected.begin() + 10 + gone);
  EXPECT_EQ(without_losses(consumed("away")), expected);
  EXPECT_TRUE(fs::exists(folder_.path() + "/damaged/0.aside-1-" + Segment::file_name(1)));
}

TEST_F(AsideDamageTest, damage_of_its_first_record_costs_that_segment_alone) {
  ASSERT_NO_FATAL_FAILURE(leave_an_aside_log());
  int gone = 0;
  {
    const auto segment = must(Segment::open(aside_folder(), 1));
    gone = events_in(*segment);
    flip(*segment, 0);
  }
  begin();
  ASSERT_TRUE(drained());
  EXPECT_EQ(lost(0), static_cast<uint64_t>(gone));
  EXPECT_EQ(without_losses(consumed("away")), numbers(gone, 600));
}

TEST_F(AsideDamageTest, log_of_which_nothing_can_be_read_is_kept_and_counted) {
  ASSERT_NO_FATAL_FAILURE(leave_an_aside_log());
  for (const auto& each : fs::directory_iterator(aside_folder()))
    flip(*must(Segment::open(aside_folder(), *Segment::number_of(each.path().filename().string()))), 0);
  begin();
  ASSERT_TRUE(drained());
  EXPECT_EQ(lost(0) + counts(0).acknowledged, 600u);
  EXPECT_GT(lost(0), 500u);
  EXPECT_TRUE(fs::exists(folder_.path() + "/damaged/0.aside-1-" + Segment::file_name(1)));
}

TEST_F(AsideDamageTest, log_that_was_removed_is_counted_as_gone) {
  ASSERT_NO_FATAL_FAILURE(leave_an_aside_log());
  fs::remove_all(aside_folder());
  begin();
  ASSERT_TRUE(drained());
  EXPECT_EQ(lost(0) + counts(0).acknowledged, 600u);
  EXPECT_EQ(lost_for(LossReason::spool_gone), lost(0));
  EXPECT_GT(lost(0), 500u);
}

}  // namespace
}  // namespace e2k::worker
