#include "supervisor/fleet/adoption.h"

#include <gtest/gtest.h>

#include "supervisor/fleet/rolling.h"

namespace e2k::supervisor {
namespace {

struct AdoptionTest : testing::Test {
  Started started{Slot{1}, Generation{7}, true, "token", false};
  Hello hello{Slot{1}, Generation{7}, 100, "token", "1.0"};
  Greeting judged(Generation as = Generation{7}) { return judge(&started, as, hello); }
};

TEST_F(AdoptionTest, the_worker_that_was_started_is_welcomed_once_and_its_repeats_are_answered) {
  EXPECT_EQ(judged(), Greeting::first);
  started.welcomed = true;
  EXPECT_EQ(judged(), Greeting::repeated);
}

TEST_F(AdoptionTest, a_second_greeting_of_the_same_generation_by_somebody_else_is_refused) {
  started.welcomed = true;
  hello.token = "another";
  EXPECT_EQ(judged(), Greeting::another_token);
  EXPECT_STRNE(refusal(judged()), "");
}

TEST_F(AdoptionTest, an_earlier_or_later_generation_is_not_ours_whatever_it_shows) {
  EXPECT_EQ(judged(Generation{6}), Greeting::not_started_here);
  EXPECT_EQ(judged(Generation{8}), Greeting::not_started_here);
  EXPECT_FALSE(is_ours(&started, Generation{6}));
}

TEST_F(AdoptionTest, a_greeting_that_names_another_slot_or_generation_than_it_comes_from_is_refused) {
  hello.slot = Slot{2};
  EXPECT_EQ(judged(), Greeting::another_token);
  hello = {Slot{1}, Generation{6}, 100, "token", "1.0"};
  EXPECT_EQ(judged(), Greeting::another_token);
}

TEST_F(AdoptionTest, who_was_buried_or_never_had_a_slot_is_nobody) {
  started.runs = false;
  EXPECT_EQ(judged(), Greeting::not_started_here);
  EXPECT_EQ(judge(nullptr, Generation{7}, hello), Greeting::not_started_here);
  EXPECT_FALSE(is_ours(nullptr, Generation{7}));
}

TEST(Rolling, takes_one_after_the_other_and_none_twice) {
  Rolling rolling;
  for (const Slot slot : {Slot{0}, Slot{1}, Slot{1}, Slot{2}}) rolling.add(slot);
  EXPECT_EQ(rolling.next(), Slot{0});
  EXPECT_EQ(rolling.next(), std::nullopt) << "one is under way";
  rolling.welcomed(Slot{2});
  EXPECT_EQ(rolling.next(), std::nullopt) << "another one was welcomed";
  rolling.welcomed(Slot{0});
  EXPECT_EQ(rolling.next(), Slot{1});
  rolling.welcomed(Slot{1});
  EXPECT_EQ(rolling.next(), Slot{2});
  rolling.welcomed(Slot{2});
  EXPECT_EQ(rolling.next(), std::nullopt);
}

TEST(Rolling, ends_with_one_that_does_not_come_back) {
  Rolling rolling;
  for (const Slot slot : {Slot{0}, Slot{1}, Slot{2}}) rolling.add(slot);
  (void)rolling.next();
  EXPECT_EQ(rolling.gave_up(Slot{2}), std::nullopt);
  EXPECT_EQ(rolling.gave_up(Slot{0}), 2u);
  EXPECT_EQ(rolling.next(), std::nullopt);
  rolling.add(Slot{2});
  EXPECT_EQ(rolling.next(), Slot{2});
}

}  // namespace
}  // namespace e2k::supervisor
