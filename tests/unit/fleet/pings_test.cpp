#include "supervisor/fleet/pings.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

TEST(Pings, come_several_times_a_lease_and_at_least_every_five_seconds) {
  EXPECT_EQ(turns_between_pings(60, 500), 10);
  EXPECT_EQ(turns_between_pings(8, 500), 4);
  EXPECT_EQ(turns_between_pings(1, 500), 1) << "once a turn at most";
}

}  // namespace
}  // namespace e2k::supervisor
