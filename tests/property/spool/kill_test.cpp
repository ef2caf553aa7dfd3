// A process that appends and settles is killed at any moment; what it left must add up.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <numeric>
#include <random>

#include "proto/ledger_reader.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/spool/reconciliation.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

constexpr uint32_t kEntries = 5;

// What the child tells over shared memory: how far it got for certain.
struct Progress {
  std::atomic<uint64_t> appended[kEntries];  // records that tell of losses included
  std::atomic<uint64_t> settled;
};

[[noreturn]] void append_and_settle_for_ever(const std::string& folder, Progress& progress, unsigned seed) {
  std::mt19937 random(seed);
  LogUnderTest log(folder);
  log.intake =
      std::make_unique<SpoolIntake>(*log.live, *log.books, *log.bell, false);  // no notices of losses
  std::vector<IntakeEntry*> entries;
  for (uint32_t i = 0; i < kEntries; ++i) entries.push_back(&log.open(i, "t", "c" + std::to_string(i)));
  spool::Settler settler(*log.books);
  spool::LogReader reader = log.reader();
  std::vector<spool::StandingRecord> waiting;
  for (uint64_t turn = 0;; ++turn) {
    const uint32_t i = static_cast<uint32_t>(random() % kEntries);
    log.intake->event(*entries[i], DoubleEvent(static_cast<double>(turn)));
    progress.appended[i].fetch_add(1);
    spool::RecordView r;
    while (reader.peek(r) == spool::ReadOutcome::record) {
      if (r.is_event()) waiting.push_back({&log.live->log(), reader.segment(), reader.unit()});
      if (r.header->kind == spool::RecordKind::error) progress.appended[r.header->index].fetch_add(1);
      reader.skip(r);
    }
    while (waiting.size() > random() % 64) {
      const size_t at = random() % waiting.size();
      if (random() % 4 == 0) {
        settler.lose(waiting[at], ledger::LossReason::encoding_failed, 1);
      } else {
        settler.acknowledge(waiting[at], {0, 1, 1});
      }
      progress.settled.fetch_add(1);
      waiting[at] = waiting.back();
      waiting.pop_back();
    }
  }
}

TEST(Kill, books_add_up_whenever_the_process_is_killed) {
  auto* progress = static_cast<Progress*>(
      ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(progress), MAP_FAILED);
  std::random_device device;
  const unsigned seed = device();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (unsigned round = 0; round < 40; ++round) {
    new (progress) Progress{};
    TemporaryFolder folder;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) append_and_settle_for_ever(folder.path(), *progress, seed + round);
    const auto give_up = monotonic_now().value + 20 * kNsPerSecond;
    while (progress->settled.load() < 10 && monotonic_now().value < give_up) ::sched_yield();
    const timespec pause{0, static_cast<long>(random() % 10'000'000)};
    ::nanosleep(&pause, nullptr);
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);

    auto books = must(ledger::Ledger::open_for_repair(folder.path() + "/ledger"));
    const auto folders = must(spool::find_slot_folders(folder.path(), Slot{0}));
    must(spool::recover(folder.path(), folders, *books));
    const auto log = must(spool::Log::open(folder.path(), folders.logs.front().path, 1));
    spool::Reconciliation logs;
    logs.count(*log);
    const uint64_t found = std::accumulate(logs.waiting().begin(), logs.waiting().end(), uint64_t{0});
    uint64_t waiting = 0, settled = 0, appended = 0;
    for (uint32_t i = 0; i < kEntries; ++i) {
      const auto c = ledger::counts_of(*books->used_line(EntryIndex{i}));
      EXPECT_EQ(c.received, c.acknowledged + c.waiting + c.lost + c.coalesced);
      // Of what was told nothing is missing; of what was not, at most the one at hand is there, and one in
      // front of it that tells of losses.
      EXPECT_GE(c.received, progress->appended[i].load());
      EXPECT_LE(c.received, progress->appended[i].load() + 2);
      waiting += c.waiting;
      const auto& line = *books->used_line(EntryIndex{i});
      settled += line.publisher.acknowledged.load() + line.publisher.lost_spooled.load();
      appended += line.ca.appended.load();
    }
    EXPECT_EQ(waiting, found);
    EXPECT_GE(settled, progress->settled.load());
    EXPECT_LE(settled, progress->settled.load() + 1);
    EXPECT_EQ(books->header().appended.load(), appended);
    const auto& h = books->header();
    const auto encoding_failed = static_cast<size_t>(ledger::LossReason::encoding_failed);
    EXPECT_EQ(h.acknowledged.load() + h.lost_spooled[encoding_failed].load(), settled);
    // Again: nothing changes.
    const auto again = must(spool::recover(folder.path(), folders, *books));
    EXPECT_FALSE(again.counted);
    EXPECT_EQ(ledger::waiting_of(h), found);
    EXPECT_FALSE(again.settlement_completed);
    if (HasFailure()) break;
  }
  ::munmap(progress, sizeof(Progress));
}

}  // namespace
}  // namespace e2k::worker
