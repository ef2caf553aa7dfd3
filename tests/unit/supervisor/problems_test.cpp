#include "supervisor/problems.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

TEST(Problems, a_standing_problem_keeps_its_beginning_when_its_words_change) {
  Problems problems;
  EXPECT_EQ(problems.set("BROKERS_DOWN", "no broker answers", RealNs{1}), Problems::Change::begun);
  EXPECT_EQ(problems.set("BROKERS_DOWN", "still none", RealNs{2}), Problems::Change::none);
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].since_unix_ns, 1);
  EXPECT_EQ(problems.list()[0].message, "still none");
}

TEST(Problems, an_empty_message_ends_a_problem_once) {
  Problems problems;
  problems.set("X", "is broken", RealNs{1});
  EXPECT_EQ(problems.set("X", "", RealNs{2}), Problems::Change::ended);
  EXPECT_EQ(problems.set("X", "", RealNs{3}), Problems::Change::none);
  EXPECT_TRUE(problems.empty());
}

}  // namespace
}  // namespace e2k::supervisor
