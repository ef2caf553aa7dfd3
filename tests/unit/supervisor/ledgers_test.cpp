// What leaves a slot whose ledger is lost, damaged or made anew is neither held for ever nor taken for gone.
#include "supervisor/ledgers.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "fake_fleet.h"
#include "supervisor/fleet/contract_of.h"
#include "supervisor/handover/handover.h"
#include "tests/support/files/temp_folder.h"
#include "worker/spool/ledger.h"

namespace e2k::supervisor {
namespace {

namespace fs = std::filesystem;

constexpr Slot kServed{0}, kGone{5};
constexpr EntryIndex kLine{3};
constexpr int64_t kAge = 3600;  // for as long as anybody asks

struct LedgersTest : testing::Test {
  LedgersTest() {
    config.spool.directory = folder / "spool";
    config.runtime_directory = folder / "run";
    config.workers.count = 2;
    auto opened = SpoolDirectory::open(config.spool.directory);
    EXPECT_TRUE(opened) << opened.error().message;
    spool.emplace(std::move(*opened));
    fs::create_directories(ledger_folder(config));
  }

  void make_logs(Slot slot) {
    fs::create_directories(config.spool.directory + "/" + std::to_string(slot.value) + ".1");
  }
  void write_ledger(Slot slot, const std::string& bytes) {
    std::ofstream(ledger_path(config, slot), std::ios::binary) << bytes;
  }
  // What is there by now is seen.
  void open() {
    books.emplace(config, *spool);
    ASSERT_TRUE(books->open(lines));
    ledgers.emplace(fleet, *books);
  }
  Left judge(int64_t seconds, std::optional<Slot> owner = Slot{1}) {
    return ledgers->judge(leaving, owner, MonotonicNs{(1 + seconds) * kNsPerSecond});
  }
  // Held for the time in which somebody may come to tell, and given up then.
  void expect_late() {
    constexpr int64_t kPatience = Handover::kNoSuccessorNs / kNsPerSecond;
    EXPECT_EQ(judge(0), Left::no);
    EXPECT_EQ(judge(kPatience), Left::no);
    EXPECT_EQ(judge(kPatience + 1), Left::late);
  }
  void leaves(Slot slot) { leaving = Book::Leaving{EntryId{7}, Place{slot, kLine}, Generation{1}}; }

  TempFolder folder;
  Config config;
  std::optional<SpoolDirectory> spool;
  Lines lines;
  FakeFleet fleet{2};
  std::optional<SlotBooks> books;
  std::optional<Ledgers> ledgers;
  Book::Leaving leaving;
};

TEST_F(LedgersTest, a_worker_that_died_before_it_had_a_ledger_is_waited_for_and_no_longer) {
  open();
  leaves(kServed);
  fleet.die(kServed);
  expect_late();
}

TEST_F(LedgersTest, a_worker_whose_ledger_can_not_be_opened_tells_nothing_though_it_runs) {
  open();
  leaves(kServed);
  fleet.state_of(kServed).phase = SlotPhase::running;
  expect_late();
}

TEST_F(LedgersTest, the_ledger_that_comes_in_time_decides) {
  open();
  leaves(kServed);
  fleet.die(kServed);
  EXPECT_EQ(judge(0), Left::no);
  EXPECT_EQ(judge(29), Left::no);
  fleet.greet(kServed);
  leaving.generation = fleet.state_of(kServed).generation;
  fleet.ledger_of(kServed).line(kLine).ca.appended = 1;
  EXPECT_EQ(judge(31), Left::no);
  EXPECT_EQ(judge(kAge), Left::no) << "it waits for Kafka, and somebody is there to say so";
  fleet.ledger_of(kServed).line(kLine).publisher.acknowledged = 1;
  EXPECT_EQ(judge(kAge), Left::yes);
  fleet.die(kServed);
  EXPECT_EQ(judge(kAge + 1), Left::no) << "the time begins anew";
}

TEST_F(LedgersTest, a_failed_slot_without_a_ledger_holds_nothing_up_and_has_left_only_where_no_log_is) {
  open();
  leaves(kServed);
  fleet.fail(kServed);
  EXPECT_EQ(judge(0), Left::yes);
  make_logs(kServed);
  open();
  EXPECT_EQ(judge(0), Left::late);
}

TEST_F(LedgersTest, a_line_that_is_not_made_again_yet_has_left_only_when_the_logs_were_looked_at) {
  make_logs(kServed);
  open();
  leaves(kServed);
  fleet.greet(kServed);
  leaving.generation = fleet.state_of(kServed).generation;
  fleet.ledger_of(kServed).header().unreconciled = 1;
  ASSERT_EQ(ledgers->line(leaving.from), nullptr);
  EXPECT_TRUE(ledgers->waits(leaving.from));
  EXPECT_EQ(judge(kAge), Left::no);
  fleet.ledger_of(kServed).line(kLine).ca.appended = 2;
  fleet.ledger_of(kServed).header().unreconciled = 0;
  EXPECT_EQ(judge(kAge), Left::no) << "they held events of it";
  fleet.ledger_of(kServed).line(kLine).publisher.acknowledged = 2;
  EXPECT_EQ(judge(kAge), Left::yes);
}

TEST_F(LedgersTest, a_slot_that_nobody_knows_holds_nothing_up) {
  open();
  leaves(Slot{9});
  EXPECT_EQ(judge(0), Left::yes);
}

TEST_F(LedgersTest, without_a_ledger_nothing_is_told_of_a_line) {
  make_logs(kGone);
  open();
  for (const Slot slot : {kServed, kGone, Slot{9}}) {
    const Place place{slot, kLine};
    EXPECT_EQ(ledgers->books(slot), nullptr);
    EXPECT_EQ(ledgers->line(place), nullptr);
    EXPECT_EQ(ledgers->books_line(place), nullptr);
    EXPECT_FALSE(ledgers->is_blocked(place) || ledgers->is_held(place));
    EXPECT_FALSE(ledgers->is_stuck(place, RealNs{kAge * kNsPerSecond}));
    EXPECT_EQ(ledgers->waits(place), slot == kGone) << "it has logs";
  }
}

struct GoneLedger : LedgersTest, testing::WithParamInterface<const char*> {
  // A ledger with events that wait, and what became of it.
  void damage() {
    const std::string how = GetParam(), path = ledger_path(config, kGone);
    if (how == "lost") return;
    if (how == "empty") return write_ledger(kGone, "");
    if (how == "nonsense") return write_ledger(kGone, std::string(1 << 20, '?'));
    {
      auto made = ledger::Ledger::create(path, how == "another_slots" ? Slot{6} : kGone, Generation{1}, 64);
      ASSERT_TRUE(made) << made.error().message;
      (*made)->line(kLine)->ca.appended = 1;
      if (how == "another_format") (*made)->header().format_version = ledger::kFormatVersion + 1;
      if (how == "lines_beyond_its_end") (*made)->header().entry_capacity = 1 << 20;
      if (how == "lines_in_its_header") (*made)->header().entries_offset = 64;
    }
    if (how == "cut_off") fs::resize_file(path, sizeof(ledger::Header) + sizeof(ledger::Entry));
  }
  void see() {
    damage();
    open();
    leaves(kGone);
    ASSERT_EQ(ledgers->books(kGone), nullptr);
  }
};

INSTANTIATE_TEST_SUITE_P(, GoneLedger,
                         testing::Values("lost", "empty", "nonsense", "another_slots", "another_format",
                                         "lines_beyond_its_end", "lines_in_its_header", "cut_off"),
                         [](const auto& one) { return std::string(one.param); });

TEST_P(GoneLedger, with_logs_they_are_waited_for_and_no_longer) {
  make_logs(kGone);
  see();
  expect_late();
}

TEST_P(GoneLedger, without_logs_it_has_left) {
  see();
  EXPECT_EQ(judge(0), Left::yes);
}

TEST_P(GoneLedger, when_the_heir_has_made_it_anew_that_one_decides) {
  make_logs(kGone);
  see();
  EXPECT_EQ(judge(0), Left::no);
  fs::remove(ledger_path(config, kGone));
  auto made = ledger::Ledger::create(ledger_path(config, kGone), kGone, Generation{2}, 64);
  ASSERT_TRUE(made) << made.error().message;
  (*made)->header().unreconciled = 1;
  (*made)->keep();
  books->refresh();
  books->look_for_drainers({});
  EXPECT_EQ(judge(kAge), Left::no) << "its logs were not looked at";
  (*made)->line(kLine)->ca.appended = 1;
  (*made)->header().unreconciled = 0;
  EXPECT_EQ(judge(kAge), Left::no);
  (*made)->line(kLine)->publisher.acknowledged = 1;
  EXPECT_EQ(judge(kAge), Left::yes);
}

TEST_F(LedgersTest, whoever_drains_a_gone_slot_and_serves_the_entry_keeps_the_order_by_itself) {
  make_logs(kGone);
  auto made = ledger::Ledger::create(ledger_path(config, kGone), kGone, Generation{1}, 64);
  ASSERT_TRUE(made) << made.error().message;
  (*made)->line(kLine)->ca.appended = 1;
  (*made)->keep();
  open();
  leaves(kGone);
  books->look_for_drainers({{Slot{0}, ::getppid()}, {Slot{1}, ::getpid()}});
  EXPECT_EQ(judge(kAge, Slot{1}), Left::yes);
  EXPECT_EQ(judge(kAge, Slot{0}), Left::no);
  EXPECT_EQ(judge(kAge, std::nullopt), Left::no);
}

}  // namespace
}  // namespace e2k::supervisor
