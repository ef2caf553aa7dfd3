#include "worker/spool/recovery.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace e2k::spool
