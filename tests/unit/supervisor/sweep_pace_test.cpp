#include "supervisor/status/sweep_pace.h"

#include <gtest/gtest.h>

#include "test_ledger.h"

namespace e2k::supervisor {
namespace {

HeaderPicture picture_of(const TestLedger& ledger) {
  HeaderPicture picture;
  picture.add(Slot{0}, ledger.reader());
  return picture;
}

SweepPace calm() {
  SweepPace pace;
  for (int i = 0; i < SweepPace::kRoundsUntilCalm; ++i) pace.round_ended(false);
  return pace;
}

TEST(SweepPace, rounds_go_slowly_once_several_of_them_told_nothing_new) {
  SweepPace pace;
  for (int i = 0; i < SweepPace::kRoundsUntilCalm; ++i) {
    EXPECT_EQ(pace.slowness(), 1);
    pace.round_ended(false);
  }
  EXPECT_EQ(pace.slowness(), SweepPace::kSlowness);
  pace.round_ended(true);
  EXPECT_EQ(pace.slowness(), 1);
}

TEST(SweepPace, a_ledgers_header_that_shows_a_change_ends_the_calm_at_once) {
  TestLedger ledger(Slot{0}, Generation{1}, 10);
  SweepPace pace = calm();
  pace.look(picture_of(ledger));
  const auto calms_down = [&] {
    for (int i = 0; i < SweepPace::kRoundsUntilCalm; ++i) {
      pace.look(picture_of(ledger));
      pace.round_ended(false);
    }
    return pace.slowness() == SweepPace::kSlowness;
  };
  ASSERT_TRUE(calms_down());
  ledger.header().ca_events = 77;
  ledger.header().acknowledged = 77;
  pace.look(picture_of(ledger));
  EXPECT_EQ(pace.slowness(), SweepPace::kSlowness) << "events come and go, which changes no state";
  ledger.header().hosts[0].name[0] = '1';
  ledger.header().hosts[0].connected = 1;
  pace.look(picture_of(ledger));
  EXPECT_EQ(pace.slowness(), 1);
  ASSERT_TRUE(calms_down());
  ledger.header().hosts[0].state = ledger::HostState::gone;
  pace.look(picture_of(ledger));
  EXPECT_EQ(pace.slowness(), 1);
  ASSERT_TRUE(calms_down());
  ledger.header().lost_spooled[0] = 1;
  pace.look(picture_of(ledger));
  EXPECT_EQ(pace.slowness(), 1);
}

}  // namespace
}  // namespace e2k::supervisor
