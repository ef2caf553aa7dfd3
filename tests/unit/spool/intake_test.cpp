#include "worker/spool/intake.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <thread>

#include "proto/ledger_reader.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/spool/lost_notice.h"

namespace e2k::worker {
namespace {

using spool::ReadOutcome;
using spool::RecordView;

// Values, and error records by their text, in the log's order.
struct Told {
  std::vector<double> values;
  std::vector<std::string> errors;
  std::vector<bool> is_error;
};

Told read_on(spool::LogReader& reader) {
  Told told;
  for (RecordView r; reader.peek(r) == ReadOutcome::record; reader.skip(r)) {
    if (!r.is_event()) continue;
    const bool is_error = r.header->kind == spool::RecordKind::error;
    told.is_error.push_back(is_error);
    if (is_error) {
      told.errors.emplace_back(reinterpret_cast<const char*>(r.value().data()), r.value().size());
      continue;
    }
    double v;
    std::memcpy(&v, r.value().data(), sizeof v);
    told.values.push_back(v);
  }
  return told;
}

std::vector<double> doubles_of(spool::LogReader& reader) {
  return read_on(reader).values;
}

TEST(Intake, flags_are_set_and_cleared_each_for_itself) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0, "t", "c");
  log.intake->add_flags(e, ledger::kWasConnected | ledger::kDisconnectedPublished);
  log.intake->clear_flags(e, ledger::kDisconnectedPublished | ledger::kNeverConnectedPublished);
  EXPECT_EQ(log.intake->flags(e), ledger::kWasConnected);
}

TEST(Intake, event_is_read_back_as_it_came_in) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(3, "topic1", "chan:1", "a key");
  const DoubleEvent value(1.25);
  CaEvent event = value;
  event.status = 3;
  event.severity = -2;
  log.intake->event(e, event);
  spool::LogReader reader = log.reader();
  RecordView r;
  ASSERT_EQ(reader.peek(r), ReadOutcome::record);
  EXPECT_EQ(r.header->kind, spool::RecordKind::channel);
  EXPECT_EQ(r.header->index, 3u);
  EXPECT_EQ(r.topic(), "topic1");
  EXPECT_EQ(r.channel(), "chan:1");
  EXPECT_EQ(r.key(), "a key");
  reader.skip(r);
  ASSERT_EQ(reader.peek(r), ReadOutcome::record);
  EXPECT_EQ(r.header->kind, spool::RecordKind::event);
  EXPECT_EQ(r.header->status, 3);
  EXPECT_EQ(r.header->severity, -2);
  EXPECT_EQ(r.header->count, 1u);
  EXPECT_EQ(r.event().stamp_seconds, 1'000'000'000u);
  EXPECT_EQ(r.units, 1u);
  EXPECT_NEAR(static_cast<double>(r.event().arrival_real_ns), static_cast<double>(real_now().value), 5e9);
  double v;
  std::memcpy(&v, r.value().data(), sizeof v);
  EXPECT_EQ(v, 1.25);
  reader.skip(r);
  EXPECT_EQ(reader.peek(r), ReadOutcome::nothing_yet);
}

TEST(Intake, error_carries_the_stamp_of_its_entrys_last_event) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry &e = log.open(0), &other = log.open(1);
  log.intake->error(e, "Never Connected", ledger::Thread::ca_callback);
  const DoubleEvent one(1);  // holds the value
  CaEvent event = one;
  for (const uint32_t seconds : {700u, 600u}) {
    event.stamp_seconds = seconds;
    event.stamp_nanoseconds = UINT32_MAX;
    log.intake->event(e, event);
  }
  log.intake->event(other, DoubleEvent(1));
  log.intake->error(e, "Disconnected", ledger::Thread::ca_callback);
  spool::LogReader reader = log.reader();
  std::vector<std::pair<uint32_t, uint32_t>> stamps;
  for (RecordView r; reader.peek(r) == ReadOutcome::record; reader.skip(r))
    if (r.header->kind == spool::RecordKind::error)
      stamps.emplace_back(r.event().stamp_seconds, r.event().stamp_nanoseconds);
  EXPECT_EQ(stamps, (std::vector<std::pair<uint32_t, uint32_t>>{{0, 0}, {600, UINT32_MAX}}));
}

TEST(Intake, key_that_is_not_commanded_is_the_channels_name) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  log.intake->error(log.open(0, "t", "chan"), "Never Connected", ledger::Thread::ca_callback);
  spool::LogReader reader = log.reader();
  RecordView r;
  ASSERT_EQ(reader.peek(r), ReadOutcome::record);
  EXPECT_EQ(r.key(), "chan");
  reader.skip(r);
  ASSERT_EQ(reader.peek(r), ReadOutcome::record);
  EXPECT_EQ(r.header->kind, spool::RecordKind::error);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(r.value().data()), r.value().size()),
            "Never Connected");
}

TEST(Intake, log_goes_on_over_many_segments_in_order_and_describes_the_entry_in_each) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  log.intake =
      std::make_unique<SpoolIntake>(*log.live, *log.books, *log.bell, false);  // without notices of losses
  IntakeEntry& e = log.open(0);
  spool::LogReader reader = log.reader();
  RecordView r;
  double next = 0;
  uint64_t described_in = 0;
  const auto& lost = log.books->used_line(EntryIndex{0})->ca.lost_unspooled;
  constexpr double kEvents = 20'000;
  for (double i = 0; i < kEvents;) {
    const uint64_t lost_before = lost.load();
    log.intake->event(e, DoubleEvent(i));
    // The keeper has not got the next segment ready yet: that event comes again.
    if (lost.load() == lost_before) ++i;
    while (reader.peek(r) == ReadOutcome::record) {
      if (!r.is_event()) {
        described_in = r.position.segment();
      } else if (r.header->kind == spool::RecordKind::event) {  // not what tells of a loss
        double v;
        std::memcpy(&v, r.value().data(), sizeof v);
        ASSERT_EQ(v, next++);
        ASSERT_EQ(described_in, r.position.segment());
      }
      reader.skip(r);
    }
    log.give_back_before(reader);
  }
  EXPECT_EQ(next, kEvents);
  EXPECT_GT(described_in, 15u);
}

TEST(Intake, array_larger_than_allowed_is_counted_lost_and_not_copied) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  std::vector<double> big(3000, 1.5);
  CaEvent event{6, 0, 0, 1, 0, 3000, std::as_bytes(std::span(big))};
  log.intake->event(e, event);
  const auto counts = ledger::counts_of(*log.books->used_line(EntryIndex{0}));
  EXPECT_EQ(counts.received, 1u);
  EXPECT_EQ(counts.lost, 1u);
  EXPECT_EQ(counts.waiting, 0u);
  const auto& by_reason = log.books->header().lost_unspooled;
  EXPECT_EQ(by_reason[static_cast<size_t>(ledger::LossReason::event_too_large)].load(), 1u);
}

TEST(Intake, array_is_read_back_whole) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  std::vector<double> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  log.intake->event(e, CaEvent{6, 0, 0, 1, 0, 1000, std::as_bytes(std::span(values))});
  spool::LogReader reader = log.reader();
  RecordView r;
  ASSERT_EQ(reader.peek(r), ReadOutcome::record);
  reader.skip(r);
  ASSERT_EQ(reader.peek(r), ReadOutcome::record);
  ASSERT_EQ(r.value().size(), 8000u);
  EXPECT_EQ(std::memcmp(r.value().data(), values.data(), 8000), 0);
}

TEST(Intake, a_share_that_grows_is_used_and_one_that_shrinks_drops_nothing_that_is_there) {
  TemporaryFolder folder;
  auto options = small_spool(folder.path());
  options.max_bytes = 400'000;
  LogUnderTest log(folder.path(), options);
  IntakeEntry& e = log.open(0);
  const ledger::Header& header = log.books->header();
  ledger::Entry& line = *log.books->used_line(EntryIndex{0});
  const auto& no_segment = header.lost_unspooled[static_cast<size_t>(ledger::LossReason::no_segment)];
  const auto fill = [&] {
    for (const uint64_t before = no_segment.load(); no_segment.load() == before;)
      log.intake->event(e, DoubleEvent(1));
  };
  fill();
  const uint64_t small = ledger::counts_of(line).waiting;
  EXPECT_LE(header.spool_bytes.load(), 400'000u);
  log.live->set_max_bytes(2'000'000);
  EXPECT_EQ(header.spool_max_bytes.load(), 2'000'000u);
  const auto give_up = monotonic_now().value + 10 * kNsPerSecond;
  while (ledger::counts_of(line).waiting < 3 * small && monotonic_now().value < give_up)
    log.intake->event(e, DoubleEvent(1));
  const uint64_t large = ledger::counts_of(line).waiting;
  ASSERT_GE(large, 3 * small);
  log.live->set_max_bytes(400'000);
  fill();
  EXPECT_EQ(log.live->state(), spool::RoomState::full);
  EXPECT_GE(ledger::counts_of(line).waiting, large);
  spool::LogReader reader = log.reader();
  EXPECT_EQ(ledger::counts_of(line).waiting, read_on(reader).is_error.size());
}

TEST(Intake, full_spool_counts_what_it_cannot_take_and_goes_on_when_there_is_room) {
  TemporaryFolder folder;
  auto options = small_spool(folder.path());
  options.max_bytes = 400'000;
  LogUnderTest log(folder.path(), options);
  IntakeEntry& e = log.open(0);
  ledger::Entry& line = *log.books->used_line(EntryIndex{0});
  // The keeper may still be at work on the last segment that has room: go on until nothing fits for good.
  const auto& no_segment =
      log.books->header().lost_unspooled[static_cast<size_t>(ledger::LossReason::no_segment)];
  while (no_segment.load() == 0) log.intake->event(e, DoubleEvent(1));
  EXPECT_EQ(log.live->state(), spool::RoomState::full);
  spool::LogReader reader = log.reader();
  EXPECT_EQ(ledger::counts_of(line).waiting, read_on(reader).is_error.size());
  log.give_back_before(reader);
  const auto give_up = monotonic_now().value + 10 * kNsPerSecond;
  std::vector<double> values;
  std::vector<std::string> notices;
  uint64_t lost = 0;
  // The very end of a full segment may hold an event and no notice.
  while ((values.empty() || notices.empty()) && monotonic_now().value < give_up) {
    lost = line.ca.lost_unspooled.load();
    log.intake->event(e, DoubleEvent(2));
    const Told told = read_on(reader);
    values.insert(values.end(), told.values.begin(), told.values.end());
    notices.insert(notices.end(), told.errors.begin(), told.errors.end());
  }
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values.front(), 2);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices.front().substr(0, 5), "Lost ");
  EXPECT_EQ(notices.front().substr(notices.front().size() - 7), " events");
  EXPECT_EQ(line.publisher.last_loss.load(), static_cast<uint8_t>(ledger::LossReason::no_segment));
  EXPECT_NEAR(double(line.publisher.last_loss_unix_s.load()), double(real_now().value / kNsPerSecond), 20);
  const auto counts = ledger::counts_of(line);
  EXPECT_EQ(counts.lost, lost);
  EXPECT_EQ(counts.received, counts.acknowledged + counts.waiting + counts.lost);
  log.intake->event(e, DoubleEvent(3));
  EXPECT_TRUE(read_on(reader).errors.empty());
}

CaEvent too_large(std::vector<double>& value) {
  value.assign(3000, 1.5);
  return CaEvent{6, 0, 0, 1, 0, 3000, std::as_bytes(std::span(value))};
}

TEST(Intake, losses_that_were_not_told_are_told_when_the_entry_is_served_again) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  std::vector<double> big;
  IntakeEntry* e = &log.open(0);
  for (int i = 0; i < 3; ++i) log.intake->event(*e, too_large(big));
  for (int again = 0; again < 2; ++again) {
    log.intake->close_entry(e);
    e = &log.open(0);
    log.intake->event(*e, DoubleEvent(again));
  }
  spool::LogReader reader = log.reader();
  const Told told = read_on(reader);
  EXPECT_EQ(told.errors, (std::vector<std::string>{"Lost 3 events"}));
  EXPECT_EQ(told.is_error, (std::vector<bool>{true, false, false}));
}

TEST(Intake, lost_events_are_told_in_front_of_the_next_record_with_their_number) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry &e = log.open(0), &other = log.open(1);
  std::vector<double> big;
  log.intake->event(e, DoubleEvent(1));
  for (int i = 0; i < 3; ++i) log.intake->event(e, too_large(big));
  log.intake->event(other, DoubleEvent(10));
  log.intake->event(e, DoubleEvent(2));
  log.intake->event(e, too_large(big));
  log.intake->error(e, "Disconnected", ledger::Thread::ca_callback);
  log.intake->event(e, DoubleEvent(3));
  spool::LogReader reader = log.reader();
  const Told told = read_on(reader);
  EXPECT_EQ(told.values, (std::vector<double>{1, 10, 2, 3}));
  EXPECT_EQ(told.errors, (std::vector<std::string>{"Lost 3 events", "Lost 1 events", "Disconnected"}));
  EXPECT_EQ(told.is_error, (std::vector<bool>{false, false, true, false, true, true, false}));
  const auto counts = ledger::counts_of(*log.books->used_line(EntryIndex{0}));
  EXPECT_EQ(counts.lost, 4u);
  EXPECT_EQ(counts.received, 3u + 4u + 3u);
  EXPECT_EQ(log.books->used_line(EntryIndex{0})->publisher.last_loss.load(),
            static_cast<uint8_t>(ledger::LossReason::event_too_large));
}

TEST(LostNotice, is_known_by_its_words_alone) {
  spool::LostNotice text;
  EXPECT_EQ(spool::write_lost_notice(4'000'000'000u, text), "Lost 4000000000 events");
  EXPECT_EQ(spool::events_of_notice("Lost 4000000000 events"), 4'000'000'000u);
  for (const char* other : {"", "Lost  events", "Lost 3 event", "Lost -3 events", "Lost 3x events",
                            "Lost 99999999999 events", "Disconnected"})
    EXPECT_EQ(spool::events_of_notice(other), 0u) << other;
}

TEST(Intake, no_loss_is_told_where_error_records_have_no_place) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  log.intake = std::make_unique<SpoolIntake>(*log.live, *log.books, *log.bell, false);
  IntakeEntry& e = log.open(0);
  std::vector<double> big;
  log.intake->event(e, too_large(big));
  log.intake->event(e, DoubleEvent(1));
  spool::LogReader reader = log.reader();
  EXPECT_EQ(read_on(reader).is_error, std::vector<bool>{false});
}

TEST(Intake, one_event_goes_to_all_entries_of_its_subscription) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  std::vector<IntakeEntry*> entries{&log.open(0), &log.open(1), &log.open(2)};
  log.intake->event(entries, DoubleEvent(5));
  spool::LogReader reader = log.reader();
  EXPECT_EQ(doubles_of(reader), (std::vector<double>{5, 5, 5}));
  for (uint32_t i = 0; i < 3; ++i)
    EXPECT_EQ(ledger::counts_of(*log.books->used_line(EntryIndex{i})).received, 1u);
}

TEST(Intake, first_event_of_a_subscription_is_not_told_again_where_it_was_the_last) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry &e = log.open(0), &fresh = log.open(1);
  log.intake->event(e, DoubleEvent(1));
  log.intake->event(e, DoubleEvent(1));  // within a subscription every event counts
  log.intake->set_type(e, 6, 1);
  std::vector<IntakeEntry*> both{&e, &fresh};
  log.intake->event(both, DoubleEvent(1));
  spool::LogReader reader = log.reader();
  EXPECT_EQ(doubles_of(reader), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(ledger::counts_of(*log.books->used_line(EntryIndex{0})).received, 2u);
  EXPECT_EQ(ledger::counts_of(*log.books->used_line(EntryIndex{1})).received, 1u);
  // Another stamp, another alarm, another value; and the next one is no first any more.
  const DoubleEvent one(1);
  CaEvent later = one, alarm = one;
  later.stamp_nanoseconds = 6;
  alarm.stamp_nanoseconds = 6;
  alarm.severity = 1;
  for (const CaEvent& event : {later, alarm}) {
    log.intake->set_type(e, 6, 1);
    log.intake->event(e, event);
    log.intake->event(e, event);
  }
  EXPECT_EQ(doubles_of(reader).size(), 4u);
}

TEST(Intake, first_event_is_told_again_behind_an_error_record_or_a_loss) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  log.intake->event(e, DoubleEvent(1));
  log.intake->error(e, "Disconnected", ledger::Thread::ca_callback);
  EXPECT_EQ(log.intake->last_event(e).hash, 0u);
  log.intake->set_type(e, 6, 1);
  log.intake->event(e, DoubleEvent(1));
  EXPECT_NE(log.intake->last_event(e).hash, 0u);
  std::vector<double> big;
  log.intake->event(e, too_large(big));
  EXPECT_EQ(log.intake->last_event(e).hash, 0u);
  spool::LogReader reader = log.reader();
  EXPECT_EQ(doubles_of(reader).size(), 2u);
}

// The next generation's books and intake, as after a kill of the one of `log`.
struct Successor {
  explicit Successor(LogUnderTest& log, const std::string& folder)
      : books(must(ledger::Ledger::create(folder + "/ledger", Slot{0}, Generation{2}, 4096))),
        intake(std::make_unique<SpoolIntake>(*log.live, *books, *log.bell)) {}
  ledger::Entry& line(uint32_t index) { return *books->used_line(EntryIndex{index}); }
  std::unique_ptr<ledger::Ledger> books;
  std::unique_ptr<SpoolIntake> intake;
};

constexpr double kSomeSeconds = 3;
double now_s() {
  return double(real_now().value / kNsPerSecond);
}

TEST(Intake, line_that_was_in_use_keeps_its_figures_and_knows_its_last_event) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  log.intake->set_host(e, "10.0.0.1:5064");
  log.intake->set_type(e, 6, 1);
  log.intake->set_step(e, ledger::Step::receiving, 3);
  log.intake->set_state(e, ledger::EntryState::connected);
  log.intake->event(e, DoubleEvent(1));
  // The last sign of life, not the last event, is where the gap begins.
  log.books->header().alive_real_ns.store(real_now().value + 100 * kNsPerSecond);
  Successor next(log, folder.path());
  next.books->header().alive_real_ns.store(real_now().value + 200 * kNsPerSecond);  // its own
  IntakeEntry* again =
      next.intake->open_entry(EntryIndex{0}, {"t", "c", Mask{1}, ""}, ledger::kWasConnected, true);
  ledger::Entry& line = next.line(0);
  EXPECT_EQ(line.ca.state.load(), ledger::EntryState::pending);
  EXPECT_EQ(line.ca.step.load(), ledger::Step::none);
  EXPECT_EQ(line.ca.host.load(), 0);
  EXPECT_EQ(line.ca.dbr_type.load(), 0xffff);
  EXPECT_EQ(ledger::counts_of(line).received, 1u);
  EXPECT_EQ(line.ca.gaps.load(), 1u);
  EXPECT_NEAR(double(line.ca.gap_began_unix_s.load()), now_s() + 100, kSomeSeconds);
  EXPECT_EQ(line.ca.gap_ended_unix_s.load(), 0u);
  next.intake->set_type(*again, 6, 1);
  next.intake->event(*again, DoubleEvent(1));
  EXPECT_EQ(ledger::counts_of(line).received, 1u) << "it had that one";
  next.intake->end_gap(*again);
  EXPECT_NEAR(double(line.ca.gap_ended_unix_s.load()), now_s(), kSomeSeconds);
  next.intake->end_gap(*again);
  EXPECT_EQ(line.ca.gaps.load(), 1u);
}

TEST(Intake, after_the_machines_death_or_that_of_a_log_the_first_event_is_told_in_any_case) {
  for (const bool machine : {true, false}) {
    TemporaryFolder folder;
    LogUnderTest log(folder.path());
    log.intake->event(log.open(0), DoubleEvent(1));
    if (machine)
      log.books->header().alive_real_ns.store(real_now().value - clock_ns(CLOCK_BOOTTIME) - kNsPerSecond);
    else
      log.books->header().unreconciled.store(1);
    Successor next(log, folder.path());
    IntakeEntry* again = next.intake->open_entry(EntryIndex{0}, {"t", "c", Mask{1}, ""}, 0, true);
    next.intake->event(*again, DoubleEvent(1));
    EXPECT_EQ(ledger::counts_of(next.line(0)).received, 2u);
  }
}

TEST(Intake, gap_of_an_entry_that_was_elsewhere_begins_when_it_comes) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  const ledger::CaLine& line = log.books->line(EntryIndex{0})->ca;
  IntakeEntry* e = log.intake->open_entry(EntryIndex{0}, {"t", "c", Mask{1}, ""}, 0);
  EXPECT_EQ(line.gaps.load(), 0u);
  log.intake->event(*e, DoubleEvent(1));
  log.intake->close_entry(e);
  e = log.intake->open_entry(EntryIndex{0}, {"t", "c", Mask{1}, ""}, 0, true);
  EXPECT_NEAR(double(line.gap_began_unix_s.load()), now_s(), kSomeSeconds);
  log.intake->close_entry(e);
  EXPECT_NE(line.gap_ended_unix_s.load(), 0u);
}

TEST(Intake, gap_lasts_over_as_many_deaths_as_there_are_before_the_channel_is_back) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  log.intake->event(log.open(0), DoubleEvent(1));
  Successor second(log, folder.path());
  second.intake->open_entry(EntryIndex{0}, {"t", "c", Mask{1}, ""}, 0, true);
  const uint32_t began = second.line(0).ca.gap_began_unix_s.load();
  Successor third(log, folder.path());
  third.intake->open_entry(EntryIndex{0}, {"t", "c", Mask{1}, ""}, 0, true);
  EXPECT_EQ(third.line(0).ca.gaps.load(), 1u);
  EXPECT_EQ(third.line(0).ca.gap_began_unix_s.load(), began);
}

TEST(Intake, entry_that_takes_over_goes_on_where_the_other_was) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& from = log.open(0, "t", "c", "k1");
  log.intake->set_host(from, "10.0.0.1:5064");
  log.intake->set_type(from, 6, 7);
  log.intake->set_state(from, ledger::EntryState::connected);
  log.intake->set_step(from, ledger::Step::receiving, 0);
  log.intake->add_flags(from, ledger::kWasConnected | ledger::kNeverConnectedPublished);
  log.intake->event(from, DoubleEvent(1));
  IntakeEntry& to = log.open(1, "t", "c", "k2");
  log.intake->add_flags(to, ledger::kDisconnectedPublished);
  log.intake->take_over(to, from);
  const ledger::Entry& line = *log.books->used_line(EntryIndex{1});
  EXPECT_EQ(line.ca.state.load(), ledger::EntryState::connected);
  EXPECT_EQ(line.ca.step.load(), ledger::Step::receiving);
  EXPECT_EQ(line.ca.host.load(), 1);
  EXPECT_EQ(line.ca.count.load(), 7u);
  EXPECT_EQ(log.intake->flags(to), ledger::kWasConnected);
  EXPECT_EQ(log.intake->last_event(to).hash, 0u) << "another key is told anew";
  EXPECT_EQ(ledger::counts_of(line).received, 0u);
  EXPECT_EQ(log.books->header().hosts[0].connected.load(), 2u);
  log.intake->close_entry(&from);
  EXPECT_EQ(log.books->header().hosts[0].connected.load(), 1u);
}

TEST(Intake, burst_of_hundreds_of_thousands_fits_into_what_is_ready) {
  TemporaryFolder folder;
  auto options = small_spool(folder.path());
  options.max_bytes = 1u << 30;
  options.segment_bytes = 16u << 20;
  LogUnderTest log(folder.path(), options);
  IntakeEntry& e = log.open(0);
  constexpr int kEvents = 300'000;
  for (int i = 0; i < kEvents; ++i) log.intake->event(e, DoubleEvent(i));
  const auto counts = ledger::counts_of(*log.books->used_line(EntryIndex{0}));
  EXPECT_EQ(counts.lost, 0u);
  EXPECT_EQ(counts.waiting, static_cast<uint64_t>(kEvents));
}

TEST(Intake, callback_waits_for_no_file_and_counts_what_it_has_no_room_for) {
  TemporaryFolder folder;
  auto options = small_spool(folder.path());
  options.max_bytes = 64u << 20;  // full in the end, however fast the keeper is
  LogUnderTest log(folder.path(), options);
  IntakeEntry& e = log.open(0);
  const auto& line = *log.books->used_line(EntryIndex{0});
  const auto waits_of_this_thread = [] {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
  };
  int slow = 0;
  for (int i = 0; i < 3'000'000 && line.ca.lost_unspooled.load() == 0; ++i) {
    const auto waits = waits_of_this_thread();
    const int64_t before_ns = monotonic_now().value;
    log.intake->event(e, DoubleEvent(i));
    // Time slices of somebody else are not waited for.
    if (monotonic_now().value - before_ns > 20 * kNsPerMs && waits_of_this_thread() != waits) ++slow;
  }
  ASSERT_GT(line.ca.lost_unspooled.load(), 0u);
  const auto reason = log.live->state() == spool::RoomState::ok ? ledger::LossReason::spool_behind
                                                                : ledger::LossReason::no_segment;
  EXPECT_EQ(log.books->header().lost_unspooled[static_cast<size_t>(reason)].load(),
            line.ca.lost_unspooled.load());
  EXPECT_LE(slow, 2) << "times that the keeper was held up while it had the lock for a moment";
}

TEST(Intake, sleep_is_refused_while_something_is_unread_and_rung_for_afterwards) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  spool::LogReader reader = log.reader();
  EXPECT_TRUE(log.intake->announce_sleep(reader.position()));
  log.intake->event(e, DoubleEvent(1));
  EXPECT_FALSE(log.intake->announce_sleep(reader.position()));
  const auto before = monotonic_now().value;
  log.bell->wait(10'000);
  EXPECT_LT(monotonic_now().value - before, 9 * kNsPerSecond);
  EXPECT_EQ(doubles_of(reader), std::vector<double>{1});
  EXPECT_TRUE(log.intake->announce_sleep(reader.position()));
}

TEST(Intake, no_wake_up_is_lost_between_two_threads) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  constexpr int kEvents = 3000;
  std::thread source([&] {
    for (int i = 0; i < kEvents; ++i) {
      log.intake->event(e, DoubleEvent(i));
      if (i % 3 == 0) std::this_thread::yield();
    }
  });
  spool::LogReader reader = log.reader();
  std::vector<double> seen;
  while (seen.size() < kEvents) {
    const auto some = doubles_of(reader);
    seen.insert(seen.end(), some.begin(), some.end());
    log.give_back_before(reader);
    if (seen.size() < kEvents && log.intake->announce_sleep(reader.position())) {
      const auto before = monotonic_now().value;
      log.bell->wait(20'000);
      ASSERT_LT(monotonic_now().value - before, 19 * kNsPerSecond) << "slept over an event";
    }
  }
  source.join();
  for (int i = 0; i < kEvents; ++i) ASSERT_EQ(seen[static_cast<size_t>(i)], i);
}

TEST(Intake, hosts_count_their_channels_and_events) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  log.intake->set_host(e, "10.0.0.1:5064");
  log.intake->set_state(e, ledger::EntryState::connected);
  log.intake->event(e, DoubleEvent(1));
  const auto& host = log.books->header().hosts[0];
  EXPECT_STREQ(host.name, "10.0.0.1:5064");
  EXPECT_EQ(host.connected.load(), 1u);
  EXPECT_EQ(host.events.load(), 1u);
  log.intake->set_state(e, ledger::EntryState::disconnected);
  EXPECT_EQ(host.connected.load(), 0u);
  EXPECT_EQ(host.disconnected.load(), 1u);
  log.intake->set_host(e, "10.0.0.2:5064");
  log.intake->set_state(e, ledger::EntryState::connected);
  EXPECT_EQ(host.disconnected.load(), 0u);
  EXPECT_EQ(log.books->header().hosts[1].connected.load(), 1u);
  log.intake->close_entry(&e);
  EXPECT_EQ(log.books->header().hosts[1].connected.load(), 0u);
}

// `behind_s`: how far the stamp is behind the arrival.
CaEvent EventOfClock(int64_t behind_s, DoubleEvent& value) {
  CaEvent event = value;
  event.stamp_seconds =
      static_cast<uint32_t>(real_now().value / kNsPerSecond - kEpicsEpochUnixSeconds - behind_s);
  return event;
}

TEST(Intake, a_hosts_clock_is_judged_by_its_newest_events_but_not_by_the_first_of_a_subscription) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  DoubleEvent value(1);
  log.intake->set_host(e, "10.0.0.1:5064");
  log.intake->set_type(e, 6, 1);
  const auto& host = log.books->header().hosts[0];
  EXPECT_EQ(host.skew_ns.load(), ledger::kNoSkew);
  log.intake->event(e,
                    EventOfClock(1'000'000, value));  // the value of a record that has not changed for days
  log.intake->turn_skew_window();
  EXPECT_EQ(host.skew_ns.load(), ledger::kNoSkew);
  log.intake->event(e, EventOfClock(7200, value));
  log.intake->event(e, EventOfClock(3600, value));
  log.intake->event(e, EventOfClock(5000, value));
  log.intake->turn_skew_window();
  EXPECT_NEAR(double(host.skew_ns.load()) / 1e9, 3600, 2);
  log.intake->event(e, EventOfClock(-900, value));
  log.intake->turn_skew_window();
  EXPECT_NEAR(double(host.skew_ns.load()) / 1e9, -900, 2);
  log.intake->turn_skew_window();
  EXPECT_NEAR(double(host.skew_ns.load()) / 1e9, -900, 2) << "silence says nothing new";
}

TEST(Intake, tells_how_far_a_channel_got_and_since_when) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  IntakeEntry& e = log.open(0);
  log.intake->set_host(e, "10.0.0.1:5064");
  log.intake->set_also_host(e, "10.0.0.2:5064");
  log.intake->set_step(e, ledger::Step::subscription_refused, 19);
  const ledger::CaLine& line = log.books->used_line(EntryIndex{0})->ca;
  EXPECT_EQ(line.step.load(), ledger::Step::subscription_refused);
  EXPECT_EQ(line.detail.load(), 19);
  EXPECT_EQ(line.host.load(), 1);
  EXPECT_EQ(line.also_host.load(), 2);
  EXPECT_NEAR(double(line.step_since_unix_s.load()), double(real_now().value / kNsPerSecond), 2);
  log.intake->set_also_host(e, "");
  EXPECT_EQ(line.also_host.load(), 0);
}

TEST(Intake, what_is_counted_of_the_search_goes_on_over_generations) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path());
  ledger::Header& header = log.books->header();
  header.searches_sent.store(100);  // the predecessor's
  log.intake->set_search({10, 5, 1, 2, 3, 4});
  log.intake->set_search({15, 5, 1, 2, 3, 0});
  EXPECT_EQ(header.searches_sent.load(), 115u);
  EXPECT_EQ(header.circuits_failed.load(), 3u);
  EXPECT_EQ(header.duplicated.load(), 0u);
}

}  // namespace
}  // namespace e2k::worker
