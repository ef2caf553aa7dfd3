// What a live log costs while nothing happens, and what it writes back to the disk.
#include "worker/spool/live_log.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "common/log.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/spool/disk_remedy.h"

namespace e2k::spool {
namespace {

std::atomic<bool> disk_refuses{false};

}  // namespace
}  // namespace e2k::spool

// Before the C library's: a disk that refuses.
extern "C" int msync(void* base, size_t bytes, int flags) {
  if (e2k::spool::disk_refuses.load()) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_msync, base, bytes, flags));
}

namespace e2k::spool {
namespace {

using worker::DoubleEvent;
using worker::LogUnderTest;
using worker::TemporaryFolder;

// Memory of the process that belongs to files of the folder.
size_t resident_bytes_of(const std::string& folder) {
  std::ifstream maps("/proc/self/smaps");
  std::string text;
  size_t kibibytes = 0;
  for (bool ours = false; std::getline(maps, text);) {
    if (text.find('-') < 20 && text.find(' ') > text.find('-')) ours = text.find(folder) != std::string::npos;
    if (ours && text.starts_with("Rss:")) kibibytes += std::stoul(text.substr(4));
  }
  return kibibytes << 10;
}

bool eventually(const std::function<bool()>& done) {
  const auto give_up = monotonic_now().value + 20 * kNsPerSecond;
  while (!done()) {
    if (monotonic_now().value > give_up) return false;
    ::usleep(1000);
  }
  return true;
}

LiveLogOptions large_spool(const std::string& folder) {
  auto options = worker::small_spool(folder);
  options.max_bytes = 1u << 30;
  options.segment_bytes = 16u << 20;
  return options;
}

TEST(LiveLog, idle_log_takes_little_memory) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path(), large_spool(folder.path()));
  const std::string directory = folder.path() + "/0.1";
  EXPECT_LT(resident_bytes_of(directory), 1u << 20) << "of 64 MiB of files";
  EXPECT_GE(log.books->header().spool_bytes.load(), 64u << 20);
}

// The publisher tells it; nothing is appended meanwhile.
TEST(LiveLog, what_other_logs_take_is_counted_without_an_event) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path(), worker::small_spool(folder.path()));
  const auto& counted = log.books->header().spool_bytes;
  const uint64_t own = counted.load();
  log.live->take_elsewhere(100'000);
  EXPECT_TRUE(eventually([&] { return counted.load() == own + 100'000; })) << counted.load();
  log.live->take_elsewhere(0);
  EXPECT_TRUE(eventually([&] { return counted.load() == own; })) << counted.load();
}

// As its successor finds it.
TEST(LiveLog, files_that_a_killed_worker_had_laid_out_in_advance_are_removed_and_no_record_with_them) {
  TemporaryFolder folder;
  LogUnderTest killed(folder.path(), large_spool(folder.path()));
  worker::IntakeEntry& e = killed.open(0);
  constexpr int kEvents = 3;
  for (int i = 0; i < kEvents; ++i) killed.intake->event(e, DoubleEvent(i));
  ASSERT_TRUE(eventually([&] { return killed.books->header().spool_bytes.load() >= 64u << 20; }));
  auto log = worker::must(Log::open(folder.path(), folder.path() + "/0.1", 1));
  ASSERT_GT(log->file_bytes(), 60u << 20);
  log->drop_unused();
  EXPECT_EQ(log->segments(), 1u);
  EXPECT_LT(log->file_bytes(), 2u << 20) << "and what its last one reserved is given back";
  struct stat file {};
  ASSERT_EQ(::stat((folder.path() + "/0.1/" + Segment::file_name(log->last_number())).c_str(), &file), 0);
  EXPECT_LT(static_cast<uint64_t>(file.st_blocks) * 512, 3u << 20);
  RecordView record;
  int events = 0;
  for (uint64_t unit = 0; read_record(log->first()->view(), unit, record) == ReadOutcome::record;
       unit += record.units)
    events += record.is_event() ? 1 : 0;
  EXPECT_EQ(events, kEvents);
  (void)log->take(log->last_number());
  EXPECT_EQ(log->file_bytes(), 0u);
}

// At some thousand events a second for minutes: what the keeper sees in a turn of its own is a small part.
TEST(LiveLog, memory_of_what_was_appended_slowly_is_let_go_and_can_be_read_all_the_same) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path(), large_spool(folder.path()));
  worker::IntakeEntry& e = log.open(0);
  const std::string directory = folder.path() + "/0.1";
  constexpr int kEvents = 100'000;
  for (int i = 0; i < kEvents; ++i) log.intake->event(e, DoubleEvent(i));
  // A burst of 6 MB, and little behind it.
  EXPECT_TRUE(eventually([&] {
    log.intake->event(e, DoubleEvent(0));
    return resident_bytes_of(directory) < 3u << 20;
  })) << resident_bytes_of(directory);
  LogReader reader = log.reader();
  RecordView record;
  int next = 0;
  while (reader.peek(record) == ReadOutcome::record && next < kEvents) {
    if (record.is_event()) {
      double value = 0;
      std::memcpy(&value, record.value().data(), sizeof value);
      ASSERT_EQ(value, next++);
    }
    reader.skip(record);
  }
  EXPECT_EQ(next, kEvents);
}

TEST(LiveLog, what_was_appended_is_written_back_in_its_interval) {
  TemporaryFolder folder;
  auto options = worker::small_spool(folder.path());
  options.sync_interval_ms = 5;
  LogUnderTest log(folder.path(), options);
  worker::IntakeEntry& e = log.open(0);
  const auto& synced = log.books->header().synced_real_ns;
  log.intake->event(e, DoubleEvent(1));
  const auto appended_at = static_cast<uint64_t>(real_now().value);
  EXPECT_TRUE(eventually([&] { return synced.load() > appended_at; }));
}

TEST(LiveLog, segments_are_used_again_while_they_are_written_back) {
  TemporaryFolder folder;
  auto options = worker::small_spool(folder.path());
  options.sync_interval_ms = 1;
  LogUnderTest log(folder.path(), options);
  worker::IntakeEntry& e = log.open(0);
  LogReader reader = log.reader();
  RecordView record;
  for (int i = 0; i < 20'000; ++i) {
    log.intake->event(e, DoubleEvent(i));
    if (i % 200 != 0) continue;
    while (reader.peek(record) == ReadOutcome::record) reader.skip(record);
    log.give_back_before(reader);
  }
  const auto& synced = log.books->header().synced_real_ns;
  const auto now = static_cast<uint64_t>(real_now().value);
  EXPECT_TRUE(eventually([&] { return synced.load() > now; }));
}

TEST(LiveLog, that_can_not_be_made_names_path_and_remedy) {
  TemporaryFolder folder;
  auto options = worker::small_spool(folder.path());
  std::ofstream(folder.path() + "/file") << "not a folder";
  options.directory = folder.path() + "/file/0.1";
  auto books = ledger::Ledger::create(folder.path() + "/ledger", Slot{0}, Generation{1});
  ASSERT_TRUE(books);
  const auto refused = LiveLog::create(options, (*books)->header());
  ASSERT_FALSE(refused);
  const std::string& why = refused.error().message;
  EXPECT_NE(why.find(options.directory + " cannot be made"), std::string::npos) << why;
  EXPECT_NE(why.find("look at its disk, or name another spool.directory"), std::string::npos) << why;
}

TEST(DiskRemedy, tells_a_full_disk_from_missing_rights) {
  EXPECT_NE(std::string(disk_remedy(ENOSPC)).find("make room"), std::string::npos);
  EXPECT_NE(std::string(disk_remedy(EROFS)).find("must be able to write"), std::string::npos);
  EXPECT_NE(std::string(disk_remedy(EIO)).find("look at its disk"), std::string::npos);
}

TEST(LiveLog, disk_that_refuses_is_told_once_and_tried_again) {
  TemporaryFolder folder;
  auto options = worker::small_spool(folder.path());
  options.sync_interval_ms = 2;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  {
    LogUnderTest log(folder.path(), options);
    worker::IntakeEntry& e = log.open(0);
    const auto& synced = log.books->header().synced_real_ns;
    EXPECT_TRUE(eventually([&] { return synced.load() != 0; }));
    disk_refuses.store(true);
    log.intake->event(e, DoubleEvent(1));
    // Until no round that had begun before can still move it.
    uint64_t before = synced.load();
    EXPECT_TRUE(eventually([&] {
      ::usleep(50'000);
      return std::exchange(before, synced.load()) == before;
    }));
    disk_refuses.store(false);
    EXPECT_TRUE(eventually([&] { return synced.load() > before; }));
  }
  spdlog::default_logger()->flush();
  const std::string told =
      ::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr();
  const auto first = told.find("spool.not_synced");
  ASSERT_NE(first, std::string::npos) << told;
  EXPECT_EQ(told.find("spool.not_synced", first + 1), std::string::npos) << told;
}

}  // namespace
}  // namespace e2k::spool
