#include "supervisor/slot_books.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

#include "common/process_use.h"
#include "names_file.h"
#include "supervisor/fleet/contract_of.h"
#include "worker/spool/ledger.h"

namespace e2k::supervisor {
namespace {

namespace fs = std::filesystem;

struct SlotBooksTest : testing::Test {
  SlotBooksTest() {
    char pattern[] = "/tmp/e2k-books-XXXXXX";
    folder = ::mkdtemp(pattern);
    config.spool.directory = folder + "/spool";
    config.runtime_directory = folder;
    config.workers.count = 2;
    auto opened = SpoolDirectory::open(config.spool.directory);
    EXPECT_TRUE(opened) << opened.error().message;
    spool.emplace(std::move(*opened));
    fs::create_directories(ledger_folder(config));
  }
  ~SlotBooksTest() override { fs::remove_all(folder); }

  void make_logs(const std::string& name) { fs::create_directories(config.spool.directory + "/" + name); }
  void make_names(uint16_t slot, const std::vector<std::string>& channels) {
    write_names(names_path(config, Slot{slot}), Slot{slot}, channels);
  }
  std::vector<int> estates(SlotBooks& books, uint16_t slot) {
    std::vector<int> out;
    for (const Estate& estate : books.launching(Slot{slot}, lines).estates) {
      EXPECT_EQ(estate.ledger_path, ledger_path(config, estate.slot));
      out.push_back(estate.slot.value);
    }
    return out;
  }

  std::string folder;
  Config config;
  std::optional<SpoolDirectory> spool;
  Lines lines;
};

TEST_F(SlotBooksTest, a_second_supervisor_is_refused_and_touches_nothing) {
  const auto second = SpoolDirectory::open(config.spool.directory);
  ASSERT_FALSE(second);
  for (const std::string& part :
       {config.spool.directory, "pid " + std::to_string(::getpid()), std::string("another spool.directory")})
    EXPECT_NE(second.error().message.find(part), std::string::npos) << second.error().message;
}

TEST_F(SlotBooksTest, a_survey_tells_logs_names_and_strangers_apart) {
  for (const char* name : {"0.1", "1.17", "4.aside/1", "01.2", "x.1", "3.x", "old"}) make_logs(name);
  for (const char* name : {"damaged", "6.aside", "9.3.removed", "8.aside/1.removed"}) make_logs(name);
  make_names(2, {});
  std::ofstream(config.spool.directory + "/readme") << "hello";
  const auto survey = spool->survey();
  ASSERT_TRUE(survey);
  EXPECT_EQ(survey->last_generation, Generation{17});
  EXPECT_TRUE(survey->slots.at(Slot{0}).logs);
  EXPECT_TRUE(survey->slots.at(Slot{4}).logs);
  EXPECT_FALSE(survey->slots.at(Slot{2}).logs);
  EXPECT_TRUE(survey->slots.at(Slot{2}).names);
  EXPECT_EQ(survey->slots.size(), 4u);
  EXPECT_EQ(survey->strangers.size(), 5u);
}

TEST_F(SlotBooksTest, lines_that_are_given_to_a_slot_that_enters_stand_when_its_worker_greets) {
  SlotBooks books(config, *spool);
  ASSERT_TRUE(books.open(lines));
  EXPECT_TRUE(books.is_free(Slot{2}));
  make_names(2, {"old"});
  books.enter(Slot{2}, lines);
  EXPECT_EQ(lines.find(Slot{2}, "t", "old", ""), EntryIndex{0});
  const EntryIndex given = lines.assign(Slot{2}, "t", "new", "");
  (void)books.launching(Slot{2}, lines);
  books.welcomed(Slot{2}, nullptr, lines);
  EXPECT_EQ(lines.find(Slot{2}, "t", "new", ""), given);
}

// The test is the worker that has it.
TEST_F(SlotBooksTest, whoever_has_a_gone_slot_s_logs_is_its_heir_whoever_supervised_then) {
  make_logs("2.1");
  const auto use = process_use(::getpid());
  ASSERT_TRUE(use);
  auto ledger = ledger::Ledger::create(ledger_path(config, Slot{2}), Slot{2}, Generation{1});
  ASSERT_TRUE(ledger) << ledger.error().message;
  (*ledger)->keep();
  SlotBooks books(config, *spool);
  ASSERT_TRUE(books.open(lines));
  EXPECT_TRUE(estates(books, 0).empty() && estates(books, 1).empty()) << "it is refused them";
  books.look_for_drainers({{Slot{0}, ::getppid()}, {Slot{1}, ::getpid()}});
  EXPECT_EQ(books.gone().at(Slot{2}).heir, Slot{1});
  EXPECT_EQ(books.gone().at(Slot{2}).drainer, Slot{1});
  fs::remove_all(config.spool.directory + "/2.1");
  books.refresh();
  EXPECT_FALSE(books.is_free(Slot{2})) << "drained, and its books are another's still";
  make_logs("2.1");
  books.refresh();
  // One that had its number before it.
  (*ledger)->header().process_start_ticks = use->start_ticks - 1;
  books.look_for_drainers({{Slot{0}, ::getppid()}, {Slot{1}, ::getpid()}});
  EXPECT_FALSE(books.gone().at(Slot{2}).is_kept);
  EXPECT_EQ(estates(books, 1), std::vector<int>{2});
}

TEST_F(SlotBooksTest, a_slot_that_leaves_is_gone_and_free_when_nothing_of_it_is_left) {
  SlotBooks books(config, *spool);
  ASSERT_TRUE(books.open(lines));
  make_logs("1.4");
  books.leave(Slot{1});
  ASSERT_EQ(books.gone().count(Slot{1}), 1u);
  EXPECT_EQ(books.gone().at(Slot{1}).heir, Slot{0});
  EXPECT_FALSE(books.is_free(Slot{1}));
  EXPECT_EQ(estates(books, 0), std::vector<int>{1});
  fs::remove_all(config.spool.directory + "/1.4");
  books.refresh();
  EXPECT_TRUE(books.is_free(Slot{1}));
}

TEST_F(SlotBooksTest, books_of_living_and_gone_slots_are_read_before_anything_is_assigned) {
  make_names(0, {"a", "b"});
  make_names(5, {"c"});
  make_logs("5.3");
  SlotBooks books(config, *spool);
  ASSERT_TRUE(books.open(lines));
  EXPECT_EQ(lines.find(Slot{0}, "t", "b", ""), EntryIndex{1});
  EXPECT_EQ(lines.find(Slot{5}, "t", "c", ""), EntryIndex{0});
  EXPECT_EQ(lines.assign(Slot{0}, "t", "new", ""), EntryIndex{2});
}

TEST_F(SlotBooksTest, a_book_of_a_newer_release_stops_the_start_and_is_named) {
  make_names(0, {"a"});
  std::fstream file(names_path(config, Slot{0}), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8) << "\x7f";
  file.close();
  SlotBooks books(config, *spool);
  const auto opened = books.open(lines);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find(names_path(config, Slot{0})), std::string::npos);
}

TEST_F(SlotBooksTest, gone_slots_are_shared_evenly_and_given_until_their_logs_are_gone) {
  for (const char* name : {"0.1", "2.1", "3.1", "4.aside/9", "7.2"}) make_logs(name);
  SlotBooks books(config, *spool);
  ASSERT_TRUE(books.open(lines));
  EXPECT_EQ(estates(books, 0), (std::vector<int>{2, 4}));
  EXPECT_EQ(estates(books, 1), (std::vector<int>{3, 7}));
  EXPECT_TRUE(books.has_logs(Slot{4}));
  fs::remove_all(config.spool.directory + "/4.aside");
  books.refresh();
  EXPECT_FALSE(books.has_logs(Slot{4}));
  EXPECT_EQ(estates(books, 0), (std::vector<int>{2})) << "the others keep their heirs";
}

TEST_F(SlotBooksTest, books_begin_anew_only_when_no_log_is_left) {
  make_names(0, {"a"});
  make_logs("0.1");
  SlotBooks books(config, *spool);
  ASSERT_TRUE(books.open(lines));
  EXPECT_FALSE(books.launching(Slot{0}, lines).fresh_books);
  books.wear_out(Slot{0});
  EXPECT_FALSE(books.launching(Slot{0}, lines).fresh_books) << "a log holds its indices";
  EXPECT_TRUE(fs::exists(names_path(config, Slot{0})));
  fs::remove_all(config.spool.directory + "/0.1");
  EXPECT_TRUE(books.launching(Slot{0}, lines).fresh_books);
  EXPECT_FALSE(fs::exists(names_path(config, Slot{0})));
  EXPECT_EQ(lines.given(Slot{0}), 0u);
  make_names(0, {"b"});
  EXPECT_FALSE(books.launching(Slot{0}, lines).fresh_books) << "once is enough";
}

TEST_F(SlotBooksTest, a_lost_book_begins_anew_where_nothing_waits) {
  SlotBooks books(config, *spool);
  ASSERT_TRUE(books.open(lines));
  EXPECT_TRUE(books.launching(Slot{0}, lines).fresh_books);
  make_logs("1.4");
  EXPECT_FALSE(books.launching(Slot{1}, lines).fresh_books);
}

TEST_F(SlotBooksTest, the_first_greeting_reads_the_book_again) {
  make_names(0, {"a"});
  SlotBooks books(config, *spool);
  ASSERT_TRUE(books.open(lines));
  EXPECT_EQ(lines.assign(Slot{0}, "t", "mine", ""), EntryIndex{1});
  make_names(0, {"a", "theirs"});  // by a worker of the supervisor before this one
  books.welcomed(Slot{0}, nullptr, lines);
  EXPECT_EQ(lines.find(Slot{0}, "t", "theirs", ""), EntryIndex{1});
  EXPECT_EQ(lines.assign(Slot{0}, "t", "mine", ""), EntryIndex{2});
  books.welcomed(Slot{0}, nullptr, lines);
  EXPECT_EQ(lines.find(Slot{0}, "t", "mine", ""), EntryIndex{2}) << "what is ours is not forgotten";
}

}  // namespace
}  // namespace e2k::supervisor
