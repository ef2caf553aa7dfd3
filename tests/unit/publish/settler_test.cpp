// The cursor and the readers of the log: what is settled, and what may be given back.
#include "worker/publish/settler.h"

#include <gtest/gtest.h>

#include "tests/unit/spool/spool_fixture.h"

namespace e2k::worker {
namespace {

class SettlerTest : public ::testing::Test {
protected:
  SettlerTest() : log_(folder_.path()), entry_(log_.open(0)), settler_(*log_.spool, *log_.books) {}

  // Reads to the end of the log and acknowledges what it finds.
  void read_and_acknowledge(LogFollower& reader) {
    spool::RecordView record;
    while (reader.peek(record) == spool::ReadOutcome::record) {
      if (record.is_event()) settler_.acknowledge(settler_.find(record.position), 0, 0, 0, 0);
      reader.skip(record);
    }
  }
  // Appends, read by `reader` as far as the segment goes: then one event stands in the next segment.
  void append_over_the_end_under(LogFollower& reader) {
    const spool::Segment* segment = &log_.spool->active();
    for (;;) {
      log_.intake->event(entry_, DoubleEvent(1));
      if (&log_.spool->active() != segment) return;
      read_and_acknowledge(reader);
    }
  }

  TemporaryFolder folder_;
  LogUnderTest log_;
  IntakeEntry& entry_;
  Settler settler_;
};

TEST_F(SettlerTest, cursor_stays_with_a_reader_that_stands_before_the_end_of_a_settled_segment) {
  LogFollower reader(*log_.spool, log_.spool->cursor());
  append_over_the_end_under(reader);
  EXPECT_TRUE(settler_.advance_cursor(reader.position()));
  EXPECT_EQ(settler_.cursor(), reader.position());
  ASSERT_NE(log_.spool->find(1), nullptr) << "the reader's segment was given back";
  EXPECT_NE(log_.books->header().oldest_waiting_arrival_real_ns.load(), 0);

  spool::RecordView record;
  EXPECT_EQ(reader.peek(record), spool::ReadOutcome::record);
  EXPECT_EQ(reader.position().segment(), 2u);
  EXPECT_TRUE(settler_.advance_cursor(reader.position()));
  EXPECT_EQ(log_.spool->find(1), nullptr) << "nobody reads it any more";
}

TEST_F(SettlerTest, cursor_stays_with_a_replay_segments_behind_the_main_reading) {
  LogFollower reader(*log_.spool, log_.spool->cursor());
  LogFollower replay = reader;
  append_over_the_end_under(reader);
  read_and_acknowledge(reader);
  append_over_the_end_under(reader);
  read_and_acknowledge(reader);
  ASSERT_EQ(reader.position().segment(), 3u);
  EXPECT_FALSE(settler_.advance_cursor(replay.position()));
  ASSERT_NE(log_.spool->find(1), nullptr);

  // It comes to the main reading, and no further.
  spool::RecordView record;
  while (replay.peek(record, reader.position()) == spool::ReadOutcome::record) replay.skip(record);
  EXPECT_EQ(replay.position(), reader.position());
  EXPECT_TRUE(settler_.advance_cursor(replay.position()));
  EXPECT_EQ(settler_.cursor(), reader.position());
  EXPECT_EQ(log_.spool->find(2), nullptr);
}

}  // namespace
}  // namespace e2k::worker
