#include "shares_fixture.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "proto/ledger_format.h"

namespace e2k::supervisor {
namespace {

TEST_F(SharesTest, new_channels_are_divided_evenly) {
  for (int i = 0; i < 7; ++i) command("t", "c" + std::to_string(i), kVa);
  EXPECT_EQ(channels_at(0) + channels_at(1), 7u);
  EXPECT_LE(channels_at(0), 4u);
  EXPECT_LE(channels_at(1), 4u);
}

TEST_F(SharesTest, entries_of_one_channel_go_to_one_worker) {
  command("t1", "c", kVa);
  command("t2", "c", kV);
  command("t3", "c", kV);
  EXPECT_TRUE(channels_at(0) == 3 || channels_at(1) == 3);
}

TEST_F(SharesTest, the_same_command_again_sends_nothing) {
  command("t", "c", kVa);
  const auto orders = command("t", "c", kVa);
  EXPECT_TRUE(orders.items.empty());
}

TEST_F(SharesTest, a_changed_mask_replaces_the_entry_under_its_index) {
  command("t", "c", kVa);
  const auto before = shares.place(state.find("t", "c")->id);
  const auto orders = command("t", "c", kV);
  const auto after = shares.place(state.find("t", "c")->id);
  EXPECT_EQ(before, after);
  ASSERT_EQ(orders.items.at(after->slot).size(), 1u);
  EXPECT_EQ(std::get<AddEntry>(orders.items.at(after->slot)[0]).replaces, before->index);
  EXPECT_EQ(held[after->slot].begin()->second.mask, *parse_mask("v"));
}

TEST_F(SharesTest, a_changed_key_replaces_the_entry_under_another_index_and_comes_back_to_its_own) {
  command("t", "c", kVa);
  const auto plain = shares.place(state.find("t", "c")->id);
  const auto orders = command("t", "c", R"({"mask":"va","outkey":"k"})");
  const auto keyed = shares.place(state.find("t", "c")->id);
  EXPECT_EQ(keyed->slot, plain->slot);
  EXPECT_NE(keyed->index, plain->index);
  ASSERT_EQ(orders.items.at(keyed->slot).size(), 1u);
  EXPECT_EQ(std::get<AddEntry>(orders.items.at(keyed->slot)[0]).replaces, plain->index);
  command("t", "c", kVa);
  EXPECT_EQ(shares.place(state.find("t", "c")->id), plain);
}

TEST_F(SharesTest, an_entry_that_was_unset_and_is_set_again_finds_its_line) {
  command("t", "c", kVa);
  command("t", "d", kVa);
  const auto before = shares.place(state.find("t", "c")->id);
  command("t", "c", nullptr);
  command("t", "c", kV);
  EXPECT_EQ(shares.place(state.find("t", "c")->id), before);
}

TEST_F(SharesTest, a_removed_channel_is_removed_and_the_rest_evened_out_after_departure) {
  for (int i = 0; i < 8; ++i) command("t", "c" + std::to_string(i), kVa);
  std::vector<std::string> of_first;
  for (const auto& [index, entry] : held[Slot{0}]) of_first.push_back(entry.channel);
  std::vector<Shares::Departure> departures;
  for (const auto& channel : of_first) {
    auto orders = command("t", channel, nullptr);
    departures.insert(departures.end(), orders.departures.begin(), orders.departures.end());
  }
  EXPECT_EQ(channels_at(0) + channels_at(1), 4u + departures.size()) << "two have what is under way";
  EXPECT_FALSE(departures.empty());
  arrive(departures);
  EXPECT_EQ(channels_at(0), 2u);
  EXPECT_EQ(channels_at(1), 2u);
}

TEST_F(SharesTest, an_entry_that_is_unset_on_its_way_is_removed_where_it_is_and_where_it_was_to_be) {
  for (int i = 0; i < 4; ++i) command("t", "c" + std::to_string(i), kVa);
  std::vector<std::string> of_first;
  for (const auto& [index, entry] : held[Slot{0}]) of_first.push_back(entry.channel);
  std::vector<Shares::Departure> departures;
  for (const auto& channel : of_first) departures = command("t", channel, nullptr).departures;
  ASSERT_EQ(departures.size(), 1u);
  EXPECT_TRUE(departures[0].serves);
  const std::string moved(state.find(departures[0].id)->channel);
  EXPECT_EQ(channels_at(0) + channels_at(1), 3u);
  command("t", moved, nullptr);
  EXPECT_EQ(channels_at(0) + channels_at(1), 1u);
  EXPECT_FALSE(shares.go_over(departures[0].id));
}

TEST_F(SharesTest, what_was_given_up_stays_and_is_not_tried_again_before_the_slots_change) {
  for (int i = 0; i < 4; ++i) command("t", "c" + std::to_string(i), kVa);
  shares.add_slot(Slot{2});
  auto orders = shares.reconcile(state);
  const auto departures = next_moves().departures;
  ASSERT_EQ(departures.size(), 1u);
  const auto remove = shares.give_up(departures[0].id);
  ASSERT_TRUE(remove);
  EXPECT_EQ(remove->first, Slot{2});
  EXPECT_EQ(shares.owner(departures[0].id), departures[0].from.slot);
  EXPECT_FALSE(shares.is_behind());
  reconciled(state, std::vector<EntryId>{departures[0].id});
  EXPECT_FALSE(shares.has_moves());
  shares.add_slot(Slot{3});
  shares.reconcile(state);
  EXPECT_TRUE(shares.has_moves());
}

TEST_F(SharesTest, a_channel_on_its_way_is_not_moved_again_and_a_change_of_it_waits) {
  const auto departures = one_of_four_leaves_for_a_third();
  ASSERT_EQ(departures.size(), 1u);
  const std::string moved(state.find(departures[0].id)->channel);
  std::vector<Change> changes;
  state.apply(0, offset++, 0, R"({"topic":"t","channel":")" + moved + R"("})", kV, changes);
  const std::vector<EntryId> dirty = {departures[0].id};
  auto orders = reconciled(state, dirty);
  EXPECT_TRUE(orders.items.empty());
  EXPECT_EQ(orders.put_off, dirty);
  arrive(departures);
  orders = reconciled(state, dirty);
  ASSERT_EQ(orders.items[Slot{2}].size(), 1u);
  EXPECT_TRUE(std::get<AddEntry>(orders.items[Slot{2}][0]).replaces);
}

TEST_F(SharesTest, a_closed_slot_gives_its_channels_away_at_the_pace_that_is_asked_for_and_gets_none) {
  for (int i = 0; i < 10; ++i) command("t", "c" + std::to_string(i), kVa);
  shares.close(Slot{1});
  EXPECT_TRUE(shares.wants_plan());
  Shares::Asking ask;
  ask.stuck = [](const Place&) { return true; };
  (void)shares.reconcile(state, ask);
  EXPECT_EQ(shares.next_moves(state, ask, 3).departures.size(), 3u) << "stuck or not: they have to go";
  EXPECT_TRUE(shares.has_moves());
  EXPECT_EQ(shares.moving(Slot{0}), 5u);
  EXPECT_TRUE(shares.next_moves(state, ask, 3).departures.empty()) << "as many are under way";
  EXPECT_EQ(shares.next_moves(state, ask, 100).departures.size(), 2u);
  EXPECT_EQ(shares.channels(Slot{1}), 0u);
  shares.open(Slot{1});
  EXPECT_TRUE(shares.wants_plan());
}

TEST_F(SharesTest, what_leaves_a_worker_that_serves_nothing_is_told_as_unserved) {
  for (int i = 0; i < 6; ++i) command("t", "c" + std::to_string(i), kVa);
  const auto all_moved = [&](Slot to, bool unserved) {
    (void)reconciled(state, {});
    const Shares::Orders orders = shares.next_moves(state, {}, 1000);
    EXPECT_EQ(orders.items.at(to).size(), 3u);
    for (const AssignItem& item : orders.items.at(to)) {
      EXPECT_TRUE(std::get<AddEntry>(item).held);
      EXPECT_EQ(std::get<AddEntry>(item).unserved, unserved);
    }
    const std::vector<AssignItem> anew = shares.serve_anew(to, state);
    EXPECT_EQ(anew.size(), 3u) << "what it prepares";
    for (const AssignItem& item : anew) EXPECT_EQ(std::get<AddEntry>(item).unserved, unserved);
    for (const auto& departure : orders.departures) {
      (void)shares.give_up(departure.id);
      shares.book().free(departure.id);
    }
  };
  shares.close(Slot{1}, false);
  all_moved(Slot{0}, true);
  shares.close(Slot{1});  // it was started again, and is to leave
  all_moved(Slot{0}, false);
  shares.open(Slot{1});
  shares.close(Slot{0});
  all_moved(Slot{1}, false);
}

TEST_F(SharesTest, at_most_an_even_share_moves_when_a_slot_joins_and_none_when_a_channel_does) {
  for (int i = 0; i < 100; ++i) command("t", "c" + std::to_string(i), kVa);
  EXPECT_TRUE(command("t", "one more", kVa).departures.empty());
  shares.add_slot(Slot{2});
  (void)shares.reconcile(state);
  EXPECT_LE(next_moves().departures.size(), 34u);
}

TEST_F(SharesTest, a_fresh_worker_is_given_what_it_prepares_and_holds_as_held) {
  const auto departures = one_of_four_leaves_for_a_third();
  ASSERT_EQ(departures.size(), 1u);
  for (int held_there = 0; held_there < 2; ++held_there) {
    const auto items = all_anew(Slot{2});
    ASSERT_EQ(items.size(), 1u);
    EXPECT_TRUE(std::get<AddEntry>(items[0]).held);
    (void)shares.go_over(departures[0].id);
  }
  shares.book().free(departures[0].id);
  EXPECT_FALSE(std::get<AddEntry>(all_anew(Slot{2})[0]).held);
}

TEST_F(SharesTest, what_is_unset_while_its_worker_begins_anew_is_removed_where_it_is_prepared) {
  const auto departures = one_of_four_leaves_for_a_third();
  ASSERT_EQ(departures.size(), 1u);
  const EntryId id = departures[0].id;
  const Slot old = departures[0].from.slot;
  std::vector<Change> changes;
  const std::string key = R"({"topic":"t","channel":")" + std::string(state.find(id)->channel) + R"("})";
  state.apply(0, offset++, 0, key, std::nullopt, changes);
  (void)all_anew(old);
  EXPECT_FALSE(shares.place(id));
  const Shares::Orders orders = reconciled(state, {id});
  EXPECT_FALSE(orders.items.contains(old)) << "it knows nothing of it";
  ASSERT_TRUE(orders.items.contains(Slot{2}));
  play(Slot{2}, orders.items.at(Slot{2}));
  EXPECT_EQ(channels_at(2), 0u);
}

TEST_F(SharesTest, a_fresh_worker_gets_everything_under_the_indices_of_its_predecessor) {
  for (int i = 0; i < 10; ++i) command("t", "c" + std::to_string(i), kVa);
  command("t", "c0", nullptr);
  const auto before = std::exchange(held[Slot{0}], {});
  play(Slot{0}, all_anew(Slot{0}));
  EXPECT_EQ(held[Slot{0}], before);
}

TEST_F(SharesTest, books_that_begin_anew_number_from_zero) {
  for (int i = 0; i < 10; ++i) command("t", "c" + std::to_string(i), kVa);
  for (int i = 0; i < 10; ++i) command("t", "c" + std::to_string(i), R"({"mask":"va","outkey":"k"})");
  EXPECT_EQ(held[Slot{0}].begin()->first, EntryIndex{5});
  shares.lines().forget(Slot{0});
  held[Slot{0}].clear();
  play(Slot{0}, all_anew(Slot{0}));
  EXPECT_EQ(held[Slot{0}].begin()->first, EntryIndex{0});
  EXPECT_EQ(held[Slot{0}].rbegin()->first.value + 1, channels_at(0));
}

TEST_F(SharesTest, after_a_restart_channels_are_where_their_books_have_them) {
  for (int i = 0; i < 10; ++i)
    shares.lines().learn(Slot{static_cast<uint16_t>(i % 2)}, EntryIndex{static_cast<uint32_t>(i)}, "t",
                         "c" + std::to_string(i), "");
  for (int i = 0; i < 10; ++i) command("t", "c" + std::to_string(i), kVa);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(shares.place(state.find("t", "c" + std::to_string(i))->id),
              (Place{Slot{static_cast<uint16_t>(i % 2)}, EntryIndex{static_cast<uint32_t>(i)}}));
}

TEST_F(SharesTest, a_channel_stays_where_its_events_wait_though_that_is_uneven_for_a_while) {
  std::vector<EntryId> dirty;
  for (int i = 0; i < 4; ++i) {
    const std::string name = "c" + std::to_string(i);
    shares.lines().learn(Slot{1}, EntryIndex{static_cast<uint32_t>(i)}, "t", name, "");
    std::vector<Change> changes;
    state.apply(0, offset++, 0, R"({"topic":"t","channel":")" + name + R"("})", kVa, changes);
    dirty.push_back(changes[0].id);
  }
  Shares::Asking ask;
  ask.waits = [](const Place& place) { return place.slot == Slot{1}; };
  EXPECT_TRUE(reconciled(state, dirty, ask).departures.empty());
  EXPECT_EQ(shares.channels(Slot{1}), 4u);
  EXPECT_TRUE(shares.moves_put_off());
  (void)shares.reconcile(state);
  const auto orders = shares.next_moves(state, {}, 100);
  EXPECT_EQ(shares.channels(Slot{1}), 2u);
  EXPECT_EQ(orders.departures.size(), 2u);
  EXPECT_FALSE(shares.moves_put_off());
}

TEST_F(SharesTest, what_waits_in_a_slot_that_is_gone_holds_the_entry) {
  shares.lines().learn(Slot{7}, EntryIndex{3}, "t", "c", "");
  shares.lines().learn(Slot{8}, EntryIndex{4}, "t", "c", "k");
  shares.lines().learn(Slot{7}, EntryIndex{5}, "t", "d", "");
  std::vector<EntryId> dirty;
  for (const char* name : {"c", "d"}) {
    std::vector<Change> changes;
    state.apply(0, offset++, 0, std::string(R"({"topic":"t","channel":")") + name + R"("})", kVa, changes);
    dirty.push_back(changes[0].id);
  }
  Shares::Asking ask;
  ask.waits = [](const Place& place) { return place.index != EntryIndex{5}; };
  const auto orders = reconciled(state, dirty, ask);
  ASSERT_EQ(orders.departures.size(), 2u);
  for (const auto& departure : orders.departures) {
    EXPECT_EQ(departure.id, dirty[0]);
    EXPECT_TRUE(departure.from == (Place{Slot{7}, EntryIndex{3}}) ||
                departure.from == (Place{Slot{8}, EntryIndex{4}}));
    EXPECT_TRUE(departure.renewed);
    EXPECT_FALSE(departure.serves);
  }
  EXPECT_EQ(shares.book().state(dirty[0]), Serving::held);
  EXPECT_EQ(shares.book().state(dirty[1]), Serving::serving);
}

TEST_F(SharesTest, what_is_more_than_may_be_held_is_given_to_nobody_before_it_is_released) {
  std::vector<EntryId> dirty;
  CommandState many{[](std::string_view) { return std::nullopt; }, 10'000};
  for (uint32_t i = 0; i < 2 * Shares::kMostHeld + 10; ++i) {
    const std::string name = "c" + std::to_string(i);
    shares.lines().learn(Slot{7}, EntryIndex{i}, "t", name, "");
    std::vector<Change> changes;
    many.apply(0, offset++, 0, R"({"topic":"t","channel":")" + name + R"("})", kVa, changes);
    dirty.push_back(changes[0].id);
  }
  Shares::Asking ask;
  ask.waits = [](const Place&) { return true; };
  EXPECT_EQ(reconciled(many, dirty, ask).departures.size(), dirty.size());
  EXPECT_EQ(shares.book().under_way(), 2 * Shares::kMostHeld);
  EXPECT_FALSE(shares.place(dirty.back()));
  EXPECT_TRUE(shares.release(dirty.back(), many));
  EXPECT_TRUE(shares.place(dirty.back()));
}

TEST_F(SharesTest, what_a_worker_holds_from_a_handover_that_nobody_remembers_stays_there) {
  shares.lines().learn(Slot{0}, EntryIndex{3}, "t", "c", "");
  shares.lines().learn(Slot{1}, EntryIndex{4}, "t", "c", "");
  std::vector<Change> changes;
  state.apply(0, offset++, 0, R"({"topic":"t","channel":"c"})", kVa, changes);
  Shares::Asking ask;
  ask.waits = [](const Place&) { return true; };
  ask.held = [](const Place& place) { return place.slot == Slot{1}; };
  const auto orders = reconciled(state, std::vector<EntryId>{changes[0].id}, ask);
  EXPECT_EQ(shares.place(changes[0].id), (Place{Slot{1}, EntryIndex{4}}));
  ASSERT_EQ(orders.departures.size(), 1u);
  EXPECT_EQ(orders.departures[0].from, (Place{Slot{0}, EntryIndex{3}}));
  EXPECT_TRUE(std::get<AddEntry>(orders.items.at(Slot{1})[0]).held);
}

TEST_F(SharesTest, what_a_fresh_worker_was_given_is_what_later_commands_are_compared_with) {
  command("t", "c", kVa);
  std::vector<Change> changes;  // folded, not yet reconciled, when the worker greets
  state.apply(0, offset++, 0, R"({"topic":"t","channel":"c"})", kV, changes);
  const Slot slot = *shares.owner(changes[0].id);
  held[slot].clear();
  play(slot, all_anew(slot));
  EXPECT_EQ(held[slot].begin()->second.mask, *parse_mask("v"));
  command("t", "c", kVa);
  EXPECT_EQ(held[slot].begin()->second.mask, *parse_mask("va"));
}

TEST_F(SharesTest, an_entry_that_is_gone_when_a_worker_begins_anew_leaves_no_index_behind) {
  command("t", "a", kVa);
  command("t", "b", kVa);
  std::vector<Change> changes;
  state.apply(0, offset++, 0, R"({"topic":"t","channel":"a"})", std::nullopt,
              changes);  // not yet in the book
  held.clear();
  for (const uint16_t slot : {uint16_t{0}, uint16_t{1}}) play(Slot{slot}, all_anew(Slot{slot}));
  std::vector<EntryId> dirty;
  for (const Change& change : changes) dirty.push_back(change.id);
  const auto orders = reconciled(state, dirty);
  play(orders);  // removes nothing that it does not hold
  EXPECT_EQ(channels_at(0) + channels_at(1), 1u);
}

TEST_F(SharesTest, what_was_reported_goes_along_with_an_entry) {
  command("t", "c", kVa);
  const EntryId id = state.find("t", "c")->id;
  state.learn(id, ledger::kWasConnected | ledger::kDisconnectedPublished);
  const auto items = all_anew(*shares.owner(id));
  ASSERT_EQ(items.size(), 1u);
  EXPECT_TRUE(std::get<AddEntry>(items[0]).was_connected);
  EXPECT_TRUE(std::get<AddEntry>(items[0]).disconnected_published);
  EXPECT_FALSE(std::get<AddEntry>(items[0]).never_connected_published);
}

TEST_F(SharesTest, a_departure_of_the_same_command_tells_so) {
  for (int i = 0; i < 4; ++i) command("t", "c" + std::to_string(i), kVa);
  std::vector<std::string> of_first;
  for (const auto& [index, entry] : held[Slot{0}]) of_first.push_back(entry.channel);
  std::vector<Shares::Departure> departures;
  for (const auto& channel : of_first) departures = command("t", channel, nullptr).departures;
  ASSERT_EQ(departures.size(), 1u);
  EXPECT_FALSE(departures[0].renewed);
  arrive(departures);
}

TEST_F(SharesTest, channels_of_one_ioc_come_together_once_their_hosts_are_known) {
  shares = Shares({Slot{0}, Slot{1}}, Affinity::ioc);
  std::vector<EntryId> ids;
  for (int i = 0; i < 8; ++i) {
    command("t", "c" + std::to_string(i), kVa);
    ids.push_back(state.find("t", "c" + std::to_string(i))->id);
  }
  for (size_t i = 0; i < 8; ++i) EXPECT_TRUE(shares.set_host(ids[i], i % 4 < 2 ? 0 : 1));
  EXPECT_FALSE(shares.set_host(ids[0], 0)) << "no news";
  EXPECT_FALSE(shares.set_host(EntryId{99}, 0)) << "unknown";
  (void)shares.reconcile(state);
  arrive(next_moves().departures);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(*shares.owner(ids[i]), *shares.owner(ids[i % 4 < 2 ? 0 : 2]));
  EXPECT_NE(*shares.owner(ids[0]), *shares.owner(ids[2]));
  EXPECT_EQ(channels_at(0), 4u);
  EXPECT_EQ(channels_at(1), 4u);
  EXPECT_TRUE(shares.reconcile(state).items.empty());
  // Unset and set again it is another channel, of which nothing is known.
  command("t", "c0", nullptr);
  command("t", "c0", kVa);
  EXPECT_TRUE(shares.set_host(state.find("t", "c0")->id, 0));
}

TEST_F(SharesTest, without_affinity_hosts_move_nothing) {
  for (int i = 0; i < 8; ++i) command("t", "c" + std::to_string(i), kVa);
  for (int i = 0; i < 8; ++i) shares.set_host(state.find("t", "c" + std::to_string(i))->id, i % 2 == 0);
  EXPECT_TRUE(shares.reconcile(state).items.empty());
}

TEST_F(SharesTest, a_stuck_channel_stays_where_it_is_until_it_can_leave) {
  for (const char* name : {"a", "b", "c", "d"}) command("t", name, kVa);
  const Slot full = *shares.owner(state.find("t", "a")->id);
  const Slot other{static_cast<uint16_t>(1 - full.value)};
  std::vector<EntryId> removed;
  for (const char* name : {"a", "b", "c", "d"}) {
    const EntryId id = state.find("t", name)->id;
    if (shares.owner(id) != other) continue;
    std::vector<Change> changes;
    state.apply(0, offset++, 0, std::string(R"({"topic":"t","channel":")") + name + R"("})", std::nullopt,
                changes);
    removed.push_back(id);
  }
  ASSERT_EQ(removed.size(), 2u);
  Shares::Asking ask;
  ask.stuck = [](const Place&) { return true; };
  (void)reconciled(state, removed, ask);
  EXPECT_FALSE(shares.has_moves());
  EXPECT_EQ(shares.channels(full), 2u);
  (void)reconciled(state, removed);
  EXPECT_EQ(shares.next_moves(state, {}, 100).departures.size(), 1u);
  EXPECT_EQ(shares.channels(other), 1u);
}

TEST_F(SharesTest, renew_removes_and_adds_on_the_same_worker) {
  command("t", "c", kVa);
  const EntryId id = state.find("t", "c")->id;
  const auto before = shares.place(id);
  Shares::Orders orders;
  shares.renew(id, state, orders);
  play(before->slot, orders.items[before->slot]);
  EXPECT_EQ(orders.items[before->slot].size(), 2u);
  EXPECT_EQ(shares.place(id), before);
}

TEST_F(SharesTest, an_entry_that_is_commanded_anew_waits_for_the_place_that_it_had_left) {
  const std::string value = R"({"mask":"v"})";
  for (const char* channel : {"a", "b", "c", "d"}) command("t", channel, value.c_str());
  std::vector<std::string> of_first;
  for (const char* channel : {"a", "b", "c", "d"})
    if (shares.owner(state.find("t", channel)->id) == Slot{0}) of_first.push_back(channel);
  std::vector<Shares::Departure> departures;
  for (const auto& channel : of_first) departures = command("t", channel, nullptr).departures;
  ASSERT_EQ(departures.size(), 1u);
  const Place from = departures[0].from;
  const std::string moved(state.find(departures[0].id)->channel);
  arrive(departures);
  shares.book().leave({departures[0].id, from, Generation{1}});
  command("t", moved, nullptr);
  // Its former worker is the fuller one by now: it goes to the other.
  std::vector<Change> changes;
  std::vector<EntryId> dirty;
  const std::string key = R"({"topic":"t","channel":")" + moved + R"("})";
  state.apply(0, offset++, 0, key, value, changes);
  for (const Change& change : changes) dirty.push_back(change.id);
  Shares::Asking ask;
  ask.waits = [](const Place&) { return false; };
  const Shares::Orders orders = reconciled(state, dirty, ask);
  const EntryId again = state.find("t", moved)->id;
  if (shares.owner(again) != from.slot) {
    ASSERT_EQ(orders.departures.size(), 1u);
    EXPECT_EQ(orders.departures[0].from, from);
    EXPECT_EQ(shares.book().state(again), Serving::held);
  } else {
    FAIL() << "the test wants it elsewhere";
  }
}

TEST_F(SharesTest, a_barred_channel_is_taken_from_its_worker_and_given_to_nobody) {
  command("t1", "bad", kVa);
  command("t2", "bad", kVa);
  command("t", "good", kVa);
  Shares::Orders orders;
  shares.bar("bad", Bar::quarantined, orders);
  play(orders);
  EXPECT_EQ(channels_at(0) + channels_at(1), 1u);
  for (const char* topic : {"t1", "t2"}) {
    EXPECT_EQ(shares.bar(state.find(topic, "bad")->id), Bar::quarantined);
    EXPECT_FALSE(shares.place(state.find(topic, "bad")->id));
  }
  command("t3", "bad", kVa);
  command("t1", "bad", kV);
  EXPECT_EQ(channels_at(0) + channels_at(1), 1u) << "nor what is commanded of it later";
  EXPECT_TRUE(all_anew(Slot{0}).size() + all_anew(Slot{1}).size() == 1);
}

TEST_F(SharesTest, a_channel_that_is_freed_goes_back_under_the_line_that_it_had) {
  command("t", "bad", kVa);
  command("t", "good", kVa);
  const Place before = *shares.place(state.find("t", "bad")->id);
  Shares::Orders orders;
  shares.bar("bad", Bar::quarantined, orders);
  play(orders);
  EXPECT_EQ(shares.channels(before.slot), 0u) << "it counts for nobody";
  shares.bar("bad", Bar::none, orders);
  const auto freed = shares.reconcile(state);
  play(freed);
  EXPECT_EQ(shares.place(state.find("t", "bad")->id), before);
  EXPECT_EQ(channels_at(0) + channels_at(1), 2u);
}

TEST_F(SharesTest, a_channel_may_be_barred_before_it_is_commanded) {
  Shares::Orders orders;
  shares.bar("bad", Bar::quarantined, orders);
  command("t", "bad", kVa);
  EXPECT_EQ(channels_at(0) + channels_at(1), 0u);
}

TEST_F(SharesTest, a_withheld_channel_keeps_its_slot_and_no_other_moves_for_it) {
  for (int i = 0; i < 8; ++i) command("t", "c" + std::to_string(i), kVa);
  Shares::Orders orders;
  for (int i = 0; i < 8; ++i)
    if (const auto at = shares.place(state.find("t", "c" + std::to_string(i))->id); at->slot == Slot{0})
      shares.bar("c" + std::to_string(i), Bar::withheld, orders);
  play(orders);
  const auto later = shares.reconcile(state);
  EXPECT_TRUE(later.items.empty() && later.departures.empty());
  EXPECT_EQ(channels_at(0), 0u);
  EXPECT_EQ(shares.channels(Slot{0}), 4u);
}

TEST_F(SharesTest, a_move_of_a_channel_that_is_under_way_is_put_off_and_not_forgotten) {
  command("t", "a", kVa);
  command("t", "c", kVa);
  const Slot from = shares.place(state.find("t", "c")->id)->slot;
  const Slot to{static_cast<uint16_t>(1 - from.value)};
  const EntryIndex index = shares.lines().assign(to, "u", "c", "");
  shares.book().leave({EntryId{99}, {to, index}, Generation{1}});
  std::vector<Change> changes;
  state.apply(0, offset++, 0, R"({"topic":"u","channel":"c"})", kVa, changes);
  shares.close(from);
  Shares::Orders orders = reconciled(state, {changes.at(0).id});
  play(orders);
  EXPECT_TRUE(next_moves().items.empty()) << "it is under way";
  shares.book().settle([](Book::Leaving&) { return Left::yes; });
  shares.book().free(changes.at(0).id);
  // As Service::reconcile() asks.
  while (shares.is_behind() || shares.moves_put_off() || shares.wants_plan()) {
    orders = reconciled(state, {});
    play(orders);
    arrive(next_moves().departures);
  }
  EXPECT_EQ(shares.channels(from), 0u);
}

// Of two commands one came before the worker that prepares it began anew, and one after.
TEST_F(SharesTest,
       what_changes_twice_while_it_is_prepared_is_served_as_the_last_command_says_where_it_stays) {
  const auto departures = one_of_four_leaves_for_a_third();
  ASSERT_EQ(departures.size(), 1u);
  const EntryId id = departures[0].id;
  const std::string channel(state.find(id)->channel);
  command("t", channel, kV);
  held[Slot{2}].clear();
  play(Slot{2}, all_anew(Slot{2}));
  command("t", channel, R"({"mask":"v","outkey":"other"})");
  const auto remove = shares.give_up(id);
  ASSERT_TRUE(remove);
  play(remove->first, {remove->second});
  play(shares.reconcile(state));
  const auto at = shares.place(id);
  ASSERT_TRUE(at);
  EXPECT_EQ(at->slot, departures[0].from.slot);
  EXPECT_EQ(held[at->slot].at(at->index).key, "other");
}

// A command that was read and not worked off yet goes along with a move.
TEST_F(SharesTest, a_change_that_is_not_worked_off_yet_goes_along_with_a_move_as_renewed) {
  for (int i = 0; i < 4; ++i) command("t", "c" + std::to_string(i), kVa);
  shares.add_slot(Slot{2});
  (void)shares.reconcile(state);
  ASSERT_TRUE(shares.has_moves());
  std::vector<Change> changes;
  for (int i = 0; i < 4; ++i) {
    const std::string key = R"({"topic":"t","channel":"c)" + std::to_string(i) + R"("})";
    state.apply(0, offset++, 0, key, R"({"mask":"v","outkey":"other"})", changes);
  }
  for (const Change& change : changes) shares.touch(change.id);  // waits for its slice
  const auto departures = next_moves().departures;
  ASSERT_EQ(departures.size(), 1u);
  EXPECT_TRUE(departures[0].renewed) << "the old worker serves the earlier command";
}

}  // namespace
}  // namespace e2k::supervisor
