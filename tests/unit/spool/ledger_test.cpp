#include "worker/spool/ledger.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "proto/ledger_reader.h"
#include "tests/unit/spool/spool_fixture.h"

namespace e2k::ledger {
namespace {

using worker::must;
using worker::TemporaryFolder;

TEST(Ledger, reader_sees_what_the_worker_counts) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/ledger";
  auto books = must(Ledger::create(path, Slot{2}, Generation{7}));
  Entry* line = books->line(EntryIndex{5});
  ASSERT_NE(line, nullptr);
  line->ca.appended.store(10);
  line->ca.lost_unspooled.store(2);
  line->publisher.acknowledged.store(6);
  line->publisher.lost_spooled.store(1);
  auto reader = must(LedgerReader::open(path, Slot{2}, Generation{7}));
  ASSERT_NE(reader.entry(EntryIndex{5}), nullptr);
  const Counts c = counts_of(*reader.entry(EntryIndex{5}));
  EXPECT_EQ(c.received, 12u);
  EXPECT_EQ(c.acknowledged, 6u);
  EXPECT_EQ(c.lost, 3u);
  EXPECT_EQ(c.waiting, 3u);
  EXPECT_EQ(reader.entry(EntryIndex{4})->publisher.last_offset.load(), -1);
  EXPECT_EQ(reader.entry(EntryIndex{6}), nullptr);
  EXPECT_EQ(reader.entry(EntryIndex{0xffffffff}), nullptr);
  EXPECT_EQ(reader.host_name(0), "");
  EXPECT_EQ(reader.host_name(9999), "");
}

TEST(Ledger, worker_that_writes_over_its_own_header_cannot_lead_the_reader_astray) {
  TemporaryFolder folder;
  auto books = must(Ledger::create(folder.path() + "/l", Slot{1}, Generation{2}, 64));
  ASSERT_NE(books->line(EntryIndex{5}), nullptr);
  const auto reader = must(LedgerReader::open(folder.path() + "/l", Slot{1}, Generation{2}));
  Header& spoilt = books->header();
  spoilt.entries_offset = 0xfffffff0;
  spoilt.entry_capacity = 0xffffffff;
  spoilt.entries_used.store(0xffffffff);
  EXPECT_EQ(reader.entries_used(), 64u);
  ASSERT_NE(reader.entry(EntryIndex{5}), nullptr);
  EXPECT_EQ(reader.entry(EntryIndex{5})->ca.dbr_type.load(), 0xffff);
  EXPECT_EQ(reader.entry(EntryIndex{64}), nullptr);
}

TEST(Ledger, any_generation_of_a_slot_can_be_read) {
  TemporaryFolder folder;
  must(Ledger::create(folder.path() + "/l", Slot{1}, Generation{7}, 64));
  EXPECT_TRUE(LedgerReader::open(folder.path() + "/l", Slot{1}));
  EXPECT_FALSE(LedgerReader::open(folder.path() + "/l", Slot{2}));
}

TEST(Ledger, two_generations_are_never_mixed) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/ledger";
  auto books = must(Ledger::create(path, Slot{2}, Generation{7}));
  EXPECT_FALSE(LedgerReader::open(path, Slot{2}, Generation{8}));
  EXPECT_FALSE(LedgerReader::open(path, Slot{1}, Generation{7}));
}

void keep_books_of_ten_events(const std::string& path) {
  auto before = must(Ledger::create(path, Slot{2}, Generation{7}));
  Entry& line = *before->line(EntryIndex{3});
  line.ca.appended.store(10);
  line.ca.state.store(EntryState::connected);
  line.publisher.acknowledged.store(8);
  line.publisher.lost_spooled.store(1);
  line.publisher.untold_spooled.store(1);
  line.publisher.untold_unspooled.store(2);
  line.publisher.restamped.store(4);
  line.ca.gaps.store(5);
  before->header().appended.store(10);
  before->header().acknowledged.store(8);
  before->header().lost_spooled[4].store(1);
}

TEST(Ledger, successor_goes_on_with_its_predecessors_lines_and_sums) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/ledger";
  keep_books_of_ten_events(path);
  auto books = must(Ledger::create(path, Slot{2}, Generation{8}));
  EXPECT_EQ(books->header().appended.load(), 10u);
  EXPECT_EQ(books->header().acknowledged.load(), 8u);
  EXPECT_EQ(books->header().lost_spooled[4].load(), 1u);
  EXPECT_EQ(books->header().opening.appended, 0u) << "the line has it";
  ASSERT_NE(books->used_line(EntryIndex{3}), nullptr);
  const Entry& line = *books->used_line(EntryIndex{3});
  EXPECT_EQ(counts_of(line).waiting, 1u);
  EXPECT_EQ(line.publisher.untold_spooled.load(), 1u);
  EXPECT_EQ(line.publisher.untold_unspooled.load(), 2u);
  EXPECT_EQ(line.publisher.restamped.load() + line.ca.gaps.load(), 9u);
  EXPECT_EQ(books->header().opening.restamped + books->header().opening.gaps, 0u);
  EXPECT_EQ(line.ca.state.load(), EntryState::unused) << "how the channel stands now is not known";
  EXPECT_EQ(books->used_line(EntryIndex{4}), nullptr);
}

TEST(Ledger, lines_that_begin_anew_leave_their_figures_in_the_opening_balance) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/ledger";
  keep_books_of_ten_events(path);
  auto books = must(Ledger::create(path, Slot{2}, Generation{8}, kMaxEntries, Ledger::Lines::begun_anew));
  EXPECT_EQ(books->header().appended.load(), 10u);
  EXPECT_EQ(books->header().opening.appended, 10u);
  EXPECT_EQ(books->header().opening.lost_spooled, 2u) << "what waited is gone with its log";
  EXPECT_EQ(books->header().lost_spooled[static_cast<size_t>(LossReason::spool_gone)].load(), 1u);
  EXPECT_EQ(books->line(EntryIndex{3})->ca.appended.load(), 0u);
  EXPECT_EQ(books->header().opening.restamped, 4u);
  EXPECT_EQ(books->header().opening.gaps, 5u);
  books->line(EntryIndex{0})->ca.gaps.store(1);
  books = must(Ledger::create(path, Slot{2}, Generation{9}, kMaxEntries, Ledger::Lines::begun_anew));
  EXPECT_EQ(books->header().opening.gaps, 6u);
}

TEST(Ledger, file_that_is_no_ledger_counts_for_nothing) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/ledger";
  std::ofstream(path) << std::string(2'000'000, 'x');
  auto books = must(Ledger::create(path, Slot{2}, Generation{8}));
  EXPECT_EQ(books->header().appended.load(), 0u);
  EXPECT_TRUE(LedgerReader::open(path, Slot{2}, Generation{8}));
}

TEST(Ledger, file_takes_only_the_room_that_its_lines_need) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/ledger";
  auto books = must(Ledger::create(path, Slot{0}, Generation{1}));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_GT(info.st_size, 200'000'000);
  EXPECT_LT(info.st_blocks * 512, 2'000'000);
  EXPECT_EQ(books->line(EntryIndex{kMaxEntries}), nullptr);
}

TEST(Ledger, reader_refuses_files_cut_short) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/ledger";
  must(Ledger::create(path, Slot{0}, Generation{1}, 100));
  ASSERT_TRUE(LedgerReader::open(path, Slot{0}, Generation{1}));
  std::filesystem::resize_file(path, sizeof(Header) + 4096);
  EXPECT_FALSE(LedgerReader::open(path, Slot{0}, Generation{1}));
  std::filesystem::resize_file(path, 10);
  EXPECT_FALSE(LedgerReader::open(path, Slot{0}, Generation{1}));
}

}  // namespace
}  // namespace e2k::ledger
