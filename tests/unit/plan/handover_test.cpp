#include "supervisor/handover/handover.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

using State = HandoverState;
using Step = Handover::Step;

constexpr MonotonicNs at(int64_t ms) {
  return MonotonicNs{ms * kNsPerMs};
}

PreparingFacts both_serve() {
  PreparingFacts facts;
  facts.old_stamp = 10;
  facts.new_applied = true;
  return facts;
}

TEST(Handover, goes_over_when_the_old_one_has_what_the_new_one_has) {
  Handover handover(State::preparing, at(0));
  PreparingFacts facts = both_serve();
  EXPECT_EQ(handover.step(facts, at(1)), Step::wait);
  facts.new_received = true;
  facts.new_stamp = 20;
  EXPECT_EQ(handover.step(facts, at(2)), Step::wait);
  facts.new_stamp = 40;  // what it was first seen with is what counts
  facts.old_stamp = 20;
  EXPECT_EQ(handover.step(facts, at(3)), Step::go_over);
  EXPECT_EQ(handover.state(), State::releasing);
  EXPECT_TRUE(handover.old_left());
  EXPECT_EQ(handover.state(), State::activating);
  handover.applied();
  EXPECT_EQ(handover.state(), State::done);
}

TEST(Handover, where_stamps_run_backwards_it_goes_over_a_while_after_the_first_event) {
  Handover handover(State::preparing, at(0));
  PreparingFacts facts = both_serve();
  facts.new_received = true;
  facts.new_stamp = 20;
  EXPECT_EQ(handover.step(facts, at(100)), Step::wait);
  EXPECT_EQ(handover.step(facts, at(2100)), Step::wait);
  EXPECT_EQ(handover.step(facts, at(2101)), Step::go_over);
}

TEST(Handover, is_given_up_where_the_new_one_receives_nothing_in_time) {
  Handover handover(State::preparing, at(0));
  EXPECT_EQ(handover.step(both_serve(), at(10'000)), Step::wait);
  EXPECT_EQ(handover.step(both_serve(), at(10'001)), Step::give_up);
  EXPECT_EQ(handover.state(), State::given_up);
  EXPECT_EQ(handover.step(both_serve(), at(10'002)), Step::wait);
}

TEST(Handover, of_a_worker_that_has_to_go_is_not_given_up) {
  Handover handover(State::preparing, at(0));
  PreparingFacts facts = both_serve();
  facts.old_must_go = true;
  EXPECT_EQ(handover.step(facts, at(60'000)), Step::wait);
  EXPECT_EQ(handover.step(facts, at(60'001)), Step::go_over);
}

TEST(Handover, waits_for_no_event_of_what_brings_none) {
  Handover handover(State::preparing, at(0));
  PreparingFacts facts = both_serve();
  facts.old_receives = false;
  facts.new_applied = false;
  EXPECT_EQ(handover.step(facts, at(1)), Step::wait);
  facts.new_applied = true;
  EXPECT_EQ(handover.step(facts, at(2)), Step::go_over);
}

TEST(Handover, the_death_of_the_old_one_makes_it_go_over_and_the_failure_of_the_new_one_ends_it) {
  PreparingFacts facts = both_serve();
  facts.old_lives = false;
  EXPECT_EQ(Handover(State::preparing, at(0)).step(facts, at(1)), Step::go_over);
  facts.new_failed = true;
  EXPECT_EQ(Handover(State::preparing, at(0)).step(facts, at(1)), Step::give_up);
}

// Every state with every event that may come in it.
TEST(Handover, an_event_that_is_not_for_its_state_changes_nothing) {
  for (const State begun :
       {State::preparing, State::releasing, State::activating, State::done, State::given_up}) {
    Handover stepped(begun, at(0));
    if (begun != State::preparing) {
      PreparingFacts dead = both_serve();
      dead.old_lives = false;
      EXPECT_EQ(stepped.step(dead, at(99'000)), Step::wait);
      EXPECT_EQ(stepped.state(), begun);
    }
    Handover left(begun, at(0));
    EXPECT_EQ(left.old_left(), begun == State::releasing);
    EXPECT_EQ(left.state(), begun == State::releasing ? State::activating : begun);
    Handover applied(begun, at(0));
    applied.applied();
    EXPECT_EQ(applied.state(), begun == State::activating ? State::done : begun);
    Handover failed(begun, at(0));
    failed.new_failed();
    EXPECT_EQ(failed.state(), begun == State::releasing || begun == State::activating ? State::done : begun);
  }
}

TEST(Leaving, is_over_when_the_removal_was_applied_and_nothing_waits) {
  std::optional<MonotonicNs> dead_since;
  for (const bool applied : {false, true})
    for (const bool waits : {false, true}) {
      const LeavingFacts facts{true, false, applied, waits};
      EXPECT_EQ(judge_leaving(facts, dead_since, at(1'000'000)), applied && !waits ? Left::yes : Left::no);
    }
}

TEST(Leaving, waits_for_the_successor_of_a_dead_worker_for_a_while) {
  std::optional<MonotonicNs> dead_since;
  LeavingFacts dead{false, false, true, false};
  EXPECT_EQ(judge_leaving(dead, dead_since, at(1000)), Left::no);
  EXPECT_EQ(judge_leaving(dead, dead_since, at(31'000)), Left::no);
  EXPECT_EQ(judge_leaving(dead, dead_since, at(31'001)), Left::late);
  // One that came and went again is waited for anew.
  EXPECT_EQ(judge_leaving({true, false, true, true}, dead_since, at(32'000)), Left::no);
  EXPECT_EQ(judge_leaving(dead, dead_since, at(33'000)), Left::no);
}

TEST(Leaving, waits_for_nobody_where_the_slot_has_failed) {
  std::optional<MonotonicNs> dead_since;
  EXPECT_EQ(judge_leaving({false, true, false, true}, dead_since, at(1)), Left::late);
  EXPECT_EQ(judge_leaving({false, true, false, false}, dead_since, at(1)), Left::yes);
}

}  // namespace
}  // namespace e2k::supervisor
