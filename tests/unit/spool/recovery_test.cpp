#include "worker/spool/recovery.h"

#include <gtest/gtest.h>

#include "proto/ledger_reader.h"
#include "tests/unit/spool/spool_fixture.h"

namespace e2k::spool {
namespace {

using worker::must;

TEST(Recovery, loss_that_was_counted_in_the_header_only_is_taken_back_from_its_own_reason) {
  worker::TemporaryFolder folder;
  worker::LogUnderTest log(folder.path());
  log.open(0);
  auto& lost = log.books->header().lost_unspooled;
  // Killed between the two counters.
  lost[static_cast<size_t>(ledger::LossReason::event_too_large)].store(1);
  must(recover(folder.path(), must(find_slot_folders(folder.path(), Slot{0})), *log.books));
  for (const auto& count : lost) EXPECT_EQ(count.load(), 0u);
}

TEST(Recovery, losses_that_stand_in_a_line_stay) {
  worker::TemporaryFolder folder;
  worker::LogUnderTest log(folder.path());
  log.open(0);
  auto& lost = log.books->header().lost_unspooled;
  auto& full = lost[static_cast<size_t>(ledger::LossReason::no_segment)];
  full.store(3);
  log.books->used_line(EntryIndex{0})->ca.lost_unspooled.store(3);
  must(recover(folder.path(), must(find_slot_folders(folder.path(), Slot{0})), *log.books));
  EXPECT_EQ(full.load(), 3u);
}

TEST(Recovery, old_event_whose_ordinal_comes_round_again_is_not_counted_once_more) {
  worker::TemporaryFolder folder;
  worker::LogUnderTest log(folder.path());
  worker::IntakeEntry& entry = log.open(0);
  log.intake->event(entry, worker::DoubleEvent(1));
  log.intake->leave_segment(1);
  // 65,535 more were appended behind it, and settled with their segments given back.
  ledger::Entry& line = *log.books->used_line(EntryIndex{0});
  line.ca.appended.store(65'536);
  line.publisher.acknowledged.store(65'535);
  const auto recovered =
      must(recover(folder.path(), must(find_slot_folders(folder.path(), Slot{0})), *log.books));
  EXPECT_FALSE(recovered.counted);
  EXPECT_EQ(line.ca.appended.load(), 65'536u);
}

// Killed between an event's record and its books; the next subscription begins with the present value.
class RecoveredIdentity : public testing::Test {
protected:
  RecoveredIdentity() { log_.intake->event(entry_, worker::DoubleEvent(1)); }
  template <class Append>
  void append_unbooked(Append append) {
    ledger::Entry& line = *log_.books->used_line(EntryIndex{0});
    const uint64_t stamp = line.ca.last_stamp.load(), hash = line.publisher.last_event_hash.load();
    append();
    line.ca.appended.store(1);
    line.ca.last_stamp.store(stamp);
    line.publisher.last_event_hash.store(hash);
    log_.books->header().alive_real_ns.store(real_now().value);
  }
  // What is received of it by the next worker.
  uint64_t received_of(const worker::CaEvent& first) {
    const auto folders = must(find_slot_folders(folder_.path(), Slot{0}));
    EXPECT_TRUE(must(recover(folder_.path(), folders, *log_.books)).counted);
    auto books = must(ledger::Ledger::create(folder_.path() + "/ledger", Slot{0}, Generation{2}, 4096));
    worker::SpoolIntake intake(*log_.live, *books, *log_.bell);
    auto* entry = intake.open_entry(EntryIndex{0}, {"t", "c", Mask{1}, ""}, ledger::kWasConnected, true);
    intake.set_type(*entry, 6, 1);
    const uint64_t before = ledger::counts_of(*books->used_line(EntryIndex{0})).received;
    EXPECT_EQ(before, 2u);
    intake.event(*entry, first);
    return ledger::counts_of(*books->used_line(EntryIndex{0})).received - before;
  }
  worker::TemporaryFolder folder_;
  worker::LogUnderTest log_{folder_.path()};
  worker::IntakeEntry& entry_ = log_.open(0);
};

TEST_F(RecoveredIdentity, the_event_that_was_not_booked_is_not_published_again) {
  append_unbooked([&] { log_.intake->event(entry_, worker::DoubleEvent(2)); });
  EXPECT_EQ(received_of(worker::DoubleEvent(2)), 0u);
}

TEST_F(RecoveredIdentity, a_value_that_came_meanwhile_is_published) {
  append_unbooked([&] { log_.intake->event(entry_, worker::DoubleEvent(2)); });
  EXPECT_EQ(received_of(worker::DoubleEvent(3)), 1u);
}

TEST_F(RecoveredIdentity, the_old_value_under_a_new_stamp_is_published) {
  append_unbooked([&] { log_.intake->event(entry_, worker::DoubleEvent(2)); });
  const worker::DoubleEvent two(2);
  worker::CaEvent later = two;
  later.stamp_nanoseconds += 1;
  EXPECT_EQ(received_of(later), 1u);
}

TEST_F(RecoveredIdentity, the_value_before_an_error_record_that_was_not_booked_is_published_behind_it) {
  append_unbooked([&] { log_.intake->error(entry_, "Disconnected", ledger::Thread::ca_callback); });
  EXPECT_EQ(received_of(worker::DoubleEvent(1)), 1u);
}

TEST(Recovery, books_of_a_worker_that_made_no_log_miss_none) {
  worker::TemporaryFolder folder;
  {
    worker::LogUnderTest log(folder.path());
    log.intake->event(log.open(0), worker::DoubleEvent(1));
  }
  // The second generation could not begin.
  auto books = must(ledger::Ledger::create(folder.path() + "/ledger", Slot{0}, Generation{2}, 4096));
  must(recover(folder.path(), must(find_slot_folders(folder.path(), Slot{0})), *books));
  EXPECT_EQ(ledger::waiting_of(books->header()), 1u);
  EXPECT_EQ(books->header().unreconciled.load(), 0u);
}

TEST(Recovery, folder_with_a_foreign_segment_in_it_is_a_log_of_ours) {
  worker::TemporaryFolder folder;
  {
    worker::LogUnderTest log(folder.path());
    log.intake->event(log.open(0), worker::DoubleEvent(1));
  }
  for (const uint64_t number : {2u, 3u, 4u})
    const_cast<SegmentHeader&>(must(Segment::open(folder.path() + "/0.1", number))->header()).format_version =
        1;
  EXPECT_EQ(must(find_slot_folders(folder.path(), Slot{0})).logs.size(), 1u);
  const_cast<SegmentHeader&>(must(Segment::open(folder.path() + "/0.1", 1))->header()).format_version = 1;
  EXPECT_EQ(must(find_slot_folders(folder.path(), Slot{0})).logs.size(), 0u);
}

TEST(Recovery, record_that_a_worker_died_over_is_remembered_and_its_deaths_are_counted) {
  worker::TemporaryFolder folder;
  worker::LogUnderTest log(folder.path());
  log.open(0);
  ledger::Header& h = log.books->header();
  ledger::FlightWord& flight = h.flight[static_cast<size_t>(ledger::Thread::publish)];
  const auto dies_over = [&](uint64_t position) {
    flight.log.store(1);
    flight.position.store(position);
    flight.entry_plus_one.store(1);
    must(recover(folder.path(), must(find_slot_folders(folder.path(), Slot{0})), *log.books));
  };
  dies_over(77);
  EXPECT_EQ(h.suspect_deaths.load(), 1u);
  EXPECT_EQ(flight.entry_plus_one.load(), 0u) << "the same death counts once";
  must(recover(folder.path(), must(find_slot_folders(folder.path(), Slot{0})), *log.books));
  EXPECT_EQ(h.suspect_deaths.load(), 1u) << "one that died of something else says nothing";
  dies_over(77);
  EXPECT_EQ(h.suspect_deaths.load(), 2u);
  dies_over(78);
  EXPECT_EQ(h.suspect_deaths.load(), 1u) << "another record";
  EXPECT_EQ(h.suspect_position.load(), 78u);
}

}  // namespace
}  // namespace e2k::spool
