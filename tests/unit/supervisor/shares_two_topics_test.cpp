// A channel with two topics whose two entries move together, and of which one does not arrive.
#include "shares_fixture.h"

namespace e2k::supervisor {
namespace {

// Both are on their way away from `from`, which is open again.
struct SharesOfTwoTopics : SharesTest {
  SharesOfTwoTopics() {
    command("t0", "c", kVa);
    command("t1", "c", kVa);
    first = state.find("t0", "c")->id;
    second = state.find("t1", "c")->id;
    const Slot from = *shares.owner(first);
    shares.close(from);
    (void)shares.reconcile(state);
    EXPECT_EQ(next_moves().departures.size(), 2u);
    shares.open(from);
  }
  void go_over(EntryId id) {
    const auto remove = shares.go_over(id);
    ASSERT_TRUE(remove);
    play(remove->first, {remove->second});
  }
  void give_up(EntryId id) {
    const auto remove = shares.give_up(id);
    ASSERT_TRUE(remove);
    play(remove->first, {remove->second});
  }
  Shares::Orders reconciled_and_played() {
    Shares::Orders orders = shares.reconcile(state);
    play(orders);
    return orders;
  }
  // What was put off is touched then, as the service does.
  void expect_back_once_arrived(const Shares::Orders& orders) {
    shares.book().free(first);
    shares.touch(orders.put_off);
    EXPECT_EQ(shares.reconcile(state).departures.size(), 1u) << "it is to come back";
    EXPECT_TRUE(shares.place(first)->slot == *shares.owner(first) || shares.book().preparing(first));
  }
  EntryId first, second;
};

// A command changes the first before it is back.
TEST_F(SharesOfTwoTopics, a_change_that_went_along_with_a_move_that_was_given_up_is_made_where_it_stays) {
  go_over(first);
  shares.book().free(first);
  give_up(second);
  const auto orders = command("t0", "c", kV);
  ASSERT_EQ(orders.departures.size(), 1u) << "it is to come back";
  EXPECT_TRUE(orders.departures[0].renewed);
  give_up(first);
  reconciled_and_played();
  const auto at = shares.place(first);
  ASSERT_TRUE(at);
  EXPECT_EQ(held[at->slot].at(at->index).mask, *parse_mask("v"));
}

TEST_F(SharesOfTwoTopics, what_is_held_when_its_channel_was_given_up_comes_back_when_it_has_arrived) {
  go_over(first);  // held there
  give_up(second);
  expect_back_once_arrived(reconciled_and_played());
}

TEST_F(SharesOfTwoTopics, what_goes_over_after_its_channel_was_given_up_comes_back) {
  give_up(second);
  const auto orders = reconciled_and_played();
  go_over(first);
  expect_back_once_arrived(orders);
}

// A command of what is to come back is told to a fresh worker, where that one is, before it is worked off.
TEST_F(SharesOfTwoTopics, what_a_fresh_worker_was_told_while_all_are_planned_still_comes_back) {
  go_over(first);
  shares.book().free(first);
  const Slot there = shares.place(first)->slot, home = shares.place(second)->slot;
  shares.close(home);
  give_up(second);
  reconciled_and_played();
  (void)shares.serve_anew(there, state);
  shares.open(home);
  std::vector<Change> changes;
  state.apply(0, offset++, 0, R"({"topic":"t0","channel":"c"})", kV, changes);
  shares.plan_at_once(0);
  std::optional<PlanWork> away;
  for (int slices = 0; slices < 100 && !away; ++slices) {
    (void)shares.reconcile(state, {}, 1);
    away = shares.take_plan_work();
  }
  ASSERT_TRUE(away);
  (void)shares.tell_more(there, state, Shares::kAll);
  shares.planned(away->make());
  for (int slices = 0; slices < 100 && shares.is_behind(); ++slices) (void)shares.reconcile(state, {}, 1);
  EXPECT_EQ(shares.owner(first), home);
  ASSERT_TRUE(shares.book().preparing(first));
  EXPECT_EQ(shares.book().preparing(first)->slot, home);
}

TEST_F(SharesOfTwoTopics, what_a_slot_serves_for_another_is_looked_at_when_it_closes) {
  go_over(first);
  shares.book().free(first);
  give_up(second);
  reconciled_and_played();
  shares.book().forget_preparation(first);  // nobody brings it back
  shares.close(shares.place(first)->slot);
  (void)shares.reconcile(state);
  EXPECT_TRUE(shares.book().preparing(first));
}

}  // namespace
}  // namespace e2k::supervisor
