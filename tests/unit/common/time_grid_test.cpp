#include "common/time_grid.h"

#include <gtest/gtest.h>

namespace e2k {
namespace {

TEST(TimeGrid, the_next_point_lies_behind_now_and_is_the_same_for_everybody) {
  EXPECT_EQ(next_on_grid(MonotonicNs{1}, 500), MonotonicNs{500});
  EXPECT_EQ(next_on_grid(MonotonicNs{499}, 500), MonotonicNs{500});
  EXPECT_EQ(next_on_grid(MonotonicNs{500}, 500), MonotonicNs{1000});
}

}  // namespace
}  // namespace e2k
