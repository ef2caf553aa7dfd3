#include "supervisor/fleet/loan.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

TEST(Lending, what_waits_in_a_failed_slot_is_lent_once) {
  EXPECT_TRUE(is_to_be_lent({}));
  EXPECT_FALSE(is_to_be_lent({.failed = false}));
  EXPECT_FALSE(is_to_be_lent({.waits = false}));
  EXPECT_FALSE(is_to_be_lent({.holds = true}));
  EXPECT_FALSE(is_to_be_lent({.in_vain = true}));
  EXPECT_FALSE(is_to_be_lent({.others_run = false}));
}

TEST(Loan, lasts_until_nothing_is_left_or_the_slot_is_wanted) {
  EXPECT_EQ(judge_loan({}), Loan::goes_on);
  EXPECT_EQ(judge_loan({.waits = false}), Loan::over);
  EXPECT_EQ(judge_loan({.start_wanted = true}), Loan::over);
  EXPECT_EQ(judge_loan({.failed = false}), Loan::over) << "it was given up, or runs";
}

TEST(Loan, waits_for_a_drainer_that_is_being_started) {
  EXPECT_EQ(judge_loan({.drainer_runs = false, .drainer_keeps = false}), Loan::goes_on);
  EXPECT_EQ(judge_loan({.drainer_runs = false, .deaths = kMostDeaths - 1}), Loan::goes_on);
}

TEST(Loan, is_in_vain_where_the_drainer_dies_of_it_or_can_not_open_it) {
  EXPECT_EQ(judge_loan({.drainer_runs = false, .deaths = kMostDeaths}), Loan::in_vain);
  EXPECT_EQ(judge_loan({.drainer_failed = true, .drainer_runs = false}), Loan::in_vain);
  EXPECT_EQ(judge_loan({.drainer_keeps = false}), Loan::in_vain);
}

}  // namespace
}  // namespace e2k::supervisor
