#include "supervisor/status/line_sums.h"

#include <gtest/gtest.h>

#include "test_ledger.h"

namespace e2k::supervisor {
namespace {

TEST(SlotSums, of_many_lines_are_those_of_the_last_round_and_never_of_half_a_one) {
  constexpr uint32_t kLines = 3 * SlotSums::kFewLines, kSlices = SlotSums::kSlicesOfARound;
  TestLedger ledger(Slot{0}, Generation{1}, kLines);
  for (uint32_t i = 0; i < kLines; ++i) ledger.line(EntryIndex{i}).ca.gaps = 1;
  SlotSums sums;
  const auto gaps = [&] { return sums.of(Slot{0}, ledger.reader()).gaps; };
  EXPECT_EQ(gaps(), kLines) << "nothing is known yet: they are counted";
  for (uint32_t slice = 0; slice < kSlices; ++slice) {
    sums.look(Slot{0}, ledger.reader());
    EXPECT_EQ(gaps(), kLines);
  }
  ledger.line(EntryIndex{0}).ca.gaps = 2;
  EXPECT_EQ(gaps(), kLines);
  for (uint32_t slice = 0; slice < kSlices; ++slice) sums.look(Slot{0}, ledger.reader());
  EXPECT_EQ(gaps(), kLines + 1);
}

}  // namespace
}  // namespace e2k::supervisor
