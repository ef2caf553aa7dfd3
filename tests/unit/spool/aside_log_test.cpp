// A topic's own log: its order, its files, and what of it is done.
#include <gtest/gtest.h>

#include "proto/ledger_reader.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/spool/aside_logs.h"

namespace e2k::spool {
namespace {

using worker::DoubleEvent;
using worker::must;

class AsideLogTest : public ::testing::Test {
protected:
  AsideLogTest() : log_(folder_.path()), settler_(*log_.books), entry_(log_.open(0, "t", "c", "key")) {
    open();
  }

  void open() {
    AsideLogs::Options options;
    options.spool = folder_.path();
    options.max_bytes = 4u << 20;
    options.largest_data_bytes = 128u << 10;
    logs_.reset();
    logs_ = must(AsideLogs::open(options));
  }
  AsideLog& aside(const std::string& topic = "t") { return *must(logs_->get(topic)); }
  // Appends to the live log and moves it at once.
  StandingRecord move(int value) {
    log_.intake->event(entry_, DoubleEvent(value));
    LogReader reader = log_.reader();
    for (RecordView record; reader.peek(record) == ReadOutcome::record; reader.skip(record)) {
      const StandingRecord standing{&log_.live->log(), reader.segment(), reader.unit()};
      if (record.is_event() && !standing.is_settled())
        return must(aside().move(settler_, standing, record, {"t", "c", "key"}));
    }
    throw std::runtime_error("it was not appended");
  }
  std::vector<int> values() {
    std::vector<int> all;
    LogReader reader(aside().log(), true);
    for (RecordView record; reader.peek(record) == ReadOutcome::record; reader.skip(record)) {
      if (!record.is_event()) {
        EXPECT_EQ(record.topic(), "t");
        EXPECT_EQ(record.key(), "key");
        continue;
      }
      double value;
      std::memcpy(&value, record.value().data(), sizeof value);
      all.push_back(static_cast<int>(value));
    }
    return all;
  }
  static std::vector<int> numbers(int upto) {
    std::vector<int> all(static_cast<size_t>(upto));
    for (int i = 0; i < upto; ++i) all[static_cast<size_t>(i)] = i;
    return all;
  }

  worker::TemporaryFolder folder_;
  worker::LogUnderTest log_;
  Settler settler_;
  worker::IntakeEntry& entry_;
  std::unique_ptr<AsideLogs> logs_;
};

TEST_F(AsideLogTest, keeps_the_order_over_segments_that_grow_and_over_a_restart) {
  for (int i = 0; i < 900; ++i) move(i);
  open();
  for (int i = 900; i < 1000; ++i) move(i);
  EXPECT_EQ(values(), numbers(1000));
  std::vector<uint64_t> bytes;
  for (const auto& segment : aside().log().share_all()) bytes.push_back(segment->units() * kUnitBytes);
  ASSERT_GE(bytes.size(), 3u);
  EXPECT_EQ(bytes[0], 16u << 10);
  EXPECT_EQ(bytes[1], 32u << 10);
  EXPECT_EQ(bytes.back(), 16u << 10) << "a new process begins small";
  EXPECT_EQ(ledger::counts_of(*log_.books->used_line(EntryIndex{0})).waiting, 1000u)
      << "a move counts nothing";
}

TEST_F(AsideLogTest, says_before_how_much_it_grows) {
  for (int i = 0; i < 600; ++i) {
    log_.intake->event(entry_, DoubleEvent(i));
    LogReader reader = log_.reader();
    for (RecordView record; reader.peek(record) == ReadOutcome::record; reader.skip(record)) {
      const StandingRecord standing{&log_.live->log(), reader.segment(), reader.unit()};
      if (!record.is_event() || standing.is_settled()) continue;
      const EntryNames names{"t", "c", "key"};
      const uint64_t growth = logs_->growth_for("t", record, names), before = logs_->file_bytes();
      must(aside().move(settler_, standing, record, names));
      ASSERT_EQ(logs_->file_bytes() - before, growth) << i;
    }
  }
}

TEST_F(AsideLogTest, copy_that_is_settled_before_it_is_read_is_counted_once) {
  const StandingRecord copy = move(1);
  settler_.acknowledge(copy, {0, 1, 1});
  SegmentUse& use = copy.segment->use();
  EXPECT_EQ(use.settled, 0u) << "its reader counts it";
  use.read_upto = copy.segment->units();
  const StandingRecord next = move(2);
  use.events = 1;
  settler_.acknowledge(next, {0, 2, 1});
  EXPECT_EQ(use.settled, 1u);
  settler_.lose(next, ledger::LossReason::encoding_failed, 1);
  EXPECT_EQ(use.settled, 1u) << "a record is settled once";
  EXPECT_EQ(log_.books->header().acknowledged.load(), 2u);
}

TEST_F(AsideLogTest, folder_in_which_nothing_was_committed_goes) {
  (void)aside();
  const std::string folder = aside_folder(folder_.path(), Slot{0});
  EXPECT_TRUE(std::filesystem::exists(folder + "/1"));
  open();
  EXPECT_FALSE(std::filesystem::exists(folder + "/1"));
  EXPECT_EQ(logs_->find("t"), nullptr);
}

TEST_F(AsideLogTest, torn_tail_is_not_read_and_not_written_behind) {
  move(0);
  const StandingRecord last = move(1);
  std::memcpy(last.segment->data() + (last.unit + 1) * kUnitBytes + 4,
              last.segment->data() + last.unit * kUnitBytes + 4, kUnitBytes - 4);
  open();
  move(2);
  EXPECT_EQ(values(), numbers(3));
  EXPECT_EQ(aside().log().segments(), 2u);
}

TEST_F(AsideLogTest, topics_have_logs_of_their_own) {
  move(0);
  AsideLog& other = aside("other");
  EXPECT_TRUE(other.empty());
  EXPECT_NE(other.log().id(), aside().log().id());
  logs_->remove("other");
  EXPECT_EQ(logs_->find("other"), nullptr);
  EXPECT_EQ(values(), numbers(1));
}

}  // namespace
}  // namespace e2k::spool
