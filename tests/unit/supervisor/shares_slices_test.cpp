// The book of shares worked off a slice at a time, as the service does it.
#include <optional>
#include <string>
#include <utility>

#include "shares_fixture.h"

namespace e2k::supervisor {
namespace {

// A round of slices, as the service works it off.
struct SharesRound : SharesTest {
  void commanded(int first, int end) {
    for (int i = first; i < end; ++i) {
      std::vector<Change> changes;
      state.apply(0, offset++, 0, R"({"topic":"t","channel":"c)" + std::to_string(i) + R"("})", kVa, changes);
      for (const Change& change : changes) shares.touch(change.id);
    }
  }
  size_t slice(size_t most) {
    const Shares::Orders orders = shares.reconcile(state, {}, most);
    size_t items = 0;
    for (const auto& [slot, of_slot] : orders.items) {
      play(slot, of_slot);
      items += of_slot.size();
    }
    return items;
  }
  void to_the_end(size_t most) {
    while (shares.is_behind()) EXPECT_LE(slice(most), most);
  }
};

TEST_F(SharesRound, hands_out_no_more_than_a_slice_at_a_time_and_is_even_in_the_end) {
  commanded(0, 100);
  EXPECT_EQ(slice(30), 0u) << "all are taken before any goes out";
  to_the_end(30);
  EXPECT_EQ(channels_at(0), 50u);
  EXPECT_EQ(channels_at(1), 50u);
  EXPECT_FALSE(shares.has_moves());
}

TEST_F(SharesRound, what_comes_meanwhile_joins_it) {
  commanded(0, 100);
  while (channels_at(0) == 0) slice(20);
  commanded(100, 160);
  command("t", "c7", nullptr);
  command("t", "c99", kV);
  to_the_end(20);
  EXPECT_EQ(channels_at(0) + channels_at(1), 159u);
  EXPECT_LE(std::max(channels_at(0), channels_at(1)), 80u);
}

TEST_F(SharesRound, a_slot_that_closes_meanwhile_gets_none_of_the_rest) {
  commanded(0, 100);
  while (channels_at(1) == 0) slice(20);
  const size_t before = channels_at(1);
  shares.close(Slot{1});
  to_the_end(1000);
  EXPECT_EQ(channels_at(1), before) << "those go over";
  EXPECT_EQ(channels_at(0) + channels_at(1), 100u);
}

TEST_F(SharesRound, a_channel_that_is_barred_meanwhile_counts_for_nobody) {
  commanded(0, 100);
  slice(1000);
  Shares::Orders orders;
  shares.bar("c3", Bar::quarantined, orders);
  play(orders);
  commanded(100, 120);
  to_the_end(10);
  EXPECT_EQ(channels_at(0) + channels_at(1), 119u);
  EXPECT_FALSE(shares.has_moves());
}

// Plans that are made elsewhere, as those of many channels are.
struct SharesPlanning : SharesRound {
  SharesPlanning() { shares.plan_at_once(0); }
  // Up to where it is wanted.
  void until_it_waits(size_t most = 10) {
    while (!shares.waits_for_plan()) {
      ASSERT_LE(slice(most), most);
      if (auto taken = shares.take_plan_work()) work = std::move(taken);
    }
    ASSERT_TRUE(work);
  }
  void made() {
    shares.planned(std::exchange(work, std::nullopt)->make());
    for (int i = 0; i < 1000 && shares.is_behind() && !shares.waits_for_plan(); ++i) {
      EXPECT_LE(slice(10), 10u);
      if (auto taken = shares.take_plan_work()) work = std::move(taken);
    }
  }
  void all_arrive() {
    while (shares.has_moves()) arrive(next_moves().departures);
  }
  void served_by_two() {
    commanded(0, 100);
    to_the_end(1000);
  }
  std::optional<PlanWork> work;
};

TEST_F(SharesPlanning, nothing_is_planned_where_there_is_room) {
  served_by_two();
  EXPECT_FALSE(shares.take_plan_work());
  EXPECT_EQ(channels_at(0), 50u);
}

TEST_F(SharesPlanning, a_worker_that_joins_gets_its_share_once_the_plan_is_there) {
  served_by_two();
  shares.add_slot(Slot{2});
  until_it_waits();
  EXPECT_FALSE(shares.has_moves());
  made();
  EXPECT_FALSE(shares.is_behind());
  all_arrive();
  EXPECT_EQ(channels_at(2), 33u);
}

TEST_F(SharesPlanning, what_comes_while_it_is_made_is_served_and_what_goes_is_not_moved) {
  served_by_two();
  shares.add_slot(Slot{2});
  until_it_waits();
  commanded(100, 130);
  for (int i = 0; i < 100; i += 2) command("t", "c" + std::to_string(i), nullptr);
  EXPECT_EQ(channels_at(0) + channels_at(1), 50u) << "what is unset does not wait";
  made();
  all_arrive();
  EXPECT_EQ(channels_at(0) + channels_at(1) + channels_at(2), 80u);
  EXPECT_TRUE(shares.moves_put_off()) << "it is not what was planned";
}

TEST_F(SharesPlanning, a_plan_for_other_slots_is_made_again) {
  served_by_two();
  shares.add_slot(Slot{2});
  until_it_waits();
  shares.close(Slot{2});
  shares.add_slot(Slot{3});
  made();
  ASSERT_TRUE(shares.waits_for_plan());
  made();
  all_arrive();
  EXPECT_EQ(channels_at(2), 0u);
  EXPECT_EQ(channels_at(3), 33u);
}

TEST_F(SharesPlanning, channels_that_find_no_room_while_others_leave_go_to_who_has_least) {
  served_by_two();
  shares.close(Slot{1});
  until_it_waits();
  commanded(100, 110);
  made();
  EXPECT_EQ(channels_at(0), 60u) << "they wait for none of those that are still to come";
  all_arrive();
  EXPECT_EQ(channels_at(0), 110u);
}

// A fresh worker is told in slices.
struct SharesTelling : SharesTest {
  SharesTelling() {
    for (int i = 0; i < 20; ++i) command("t", "c" + std::to_string(i), kVa);
    held[Slot{0}].clear();
    play(Slot{0}, shares.serve_anew(Slot{0}, state));
    tell(3);
  }
  void tell(size_t most) { play(Slot{0}, shares.tell_more(Slot{0}, state, most)); }
  // A channel of the slot that its worker was not told yet.
  std::string untold() {
    for (int i = 0; i < 20; ++i) {
      const std::string name = "c" + std::to_string(i);
      bool is_told = false;
      for (const auto& [index, entry] : held[Slot{0}]) is_told |= entry.channel == name;
      if (!is_told && shares.owner(id_of(name)) == Slot{0}) return name;
    }
    return "";
  }
  EntryId id_of(const std::string& name) { return state.of_channel(name).front().id; }
  void to_the_end() {
    while (shares.is_telling(Slot{0})) tell(3);
  }
};

TEST_F(SharesTelling, gives_a_slice_at_a_time_and_all_in_the_end) {
  EXPECT_EQ(channels_at(0), 3u);
  EXPECT_TRUE(shares.is_telling(Slot{0}));
  to_the_end();
  EXPECT_EQ(channels_at(0), 10u);
}

TEST_F(SharesTelling, what_is_unset_before_it_was_told_is_neither_told_nor_removed) {
  const std::string name = untold();
  EXPECT_TRUE(command("t", name, nullptr).items.empty());
  to_the_end();
  EXPECT_EQ(channels_at(0), 9u);
}

TEST_F(SharesTelling, what_is_changed_before_it_was_told_is_told_as_it_is_then) {
  const std::string name = untold();
  command("t", name, kV);
  to_the_end();
  EXPECT_EQ(channels_at(0), 10u);
  EXPECT_EQ(held[Slot{0}].at(shares.place(id_of(name))->index).mask, *parse_mask("v"));
}

TEST_F(SharesTelling, what_is_to_move_before_it_was_told_is_served_there_until_then) {
  shares.close(Slot{0});
  (void)shares.reconcile(state);
  const auto departures = next_moves().departures;
  EXPECT_EQ(departures.size(), 10u);
  EXPECT_EQ(channels_at(0), 10u);
  arrive(departures);
  to_the_end();
  EXPECT_EQ(channels_at(0), 0u);
  EXPECT_EQ(channels_at(1), 20u);
}

TEST_F(SharesTelling, what_has_moved_before_it_was_told_is_told_to_who_serves_it_then) {
  shares.close(Slot{0});
  (void)shares.reconcile(state);
  arrive(next_moves().departures);
  ASSERT_TRUE(shares.is_telling(Slot{0}));
  held[Slot{1}].clear();
  play(Slot{1}, shares.serve_anew(Slot{1}, state));
  to_the_end();
  EXPECT_EQ(channels_at(0), 0u);
  while (shares.is_telling(Slot{1})) play(Slot{1}, shares.tell_more(Slot{1}, state, 3));
  EXPECT_EQ(channels_at(1), 20u);
}

TEST_F(SharesTelling, a_worker_that_dies_takes_nothing_that_has_moved_from_who_is_told_of_it) {
  shares.close(Slot{0});
  (void)shares.reconcile(state);
  arrive(next_moves().departures);
  held[Slot{1}].clear();
  play(Slot{1}, shares.serve_anew(Slot{1}, state));
  shares.stop_telling(Slot{0});
  play(Slot{1}, shares.tell_more(Slot{1}, state, 100));
  EXPECT_EQ(channels_at(1), 20u);
}

TEST_F(SharesTelling, a_worker_that_dies_before_it_was_told_all_is_told_nothing_any_more) {
  shares.stop_telling(Slot{0});
  EXPECT_TRUE(shares.tell_more(Slot{0}, state, 100).empty());
  held[Slot{0}].clear();
  play(Slot{0}, all_anew(Slot{0}));
  EXPECT_EQ(channels_at(0), 10u);
}

// The unset waits for its slice of the round while the worker is told; then it is set again.
TEST_F(SharesTelling, what_is_unset_and_set_again_while_its_worker_is_told_is_served) {
  const std::string name = untold();
  const std::string key = R"({"topic":"t","channel":")" + name + R"("})";
  std::vector<Change> changes;
  state.apply(0, offset++, 0, key, std::nullopt, changes);
  to_the_end();  // it is passed over: it is about to be removed
  state.apply(0, offset++, 0, key, kVa, changes);
  for (const Change& change : changes) shares.touch(change.id);
  const auto orders = shares.reconcile(state);
  play(orders);
  EXPECT_TRUE(shares.place(id_of(name)));
  EXPECT_EQ(channels_at(0) + channels_at(1), 20u);
  // Nor does touching it again help.
  shares.touch(id_of(name));
  (void)shares.reconcile(state);
  EXPECT_TRUE(shares.place(id_of(name)));
}

}  // namespace
}  // namespace e2k::supervisor
