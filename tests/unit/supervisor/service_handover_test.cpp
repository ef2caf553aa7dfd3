// An entry on its way from one worker to another, as the service tells both, with a death at every step.
#include <filesystem>

#include "service_fixture.h"

namespace e2k::supervisor {
namespace {

constexpr Slot kOld{1}, kNew{0};

// Two channels on two workers, of which one is to leave: its channel goes over to the other.
class ServiceHandoverTest : public ServiceTest {
protected:
  void SetUp() override {
    for (const char* log : {"spool/0.1", "spool/1.1"}) std::filesystem::create_directories(folder / log);
    start_with({"a", "b"});
    channel = place("a")->slot == kOld ? "a" : "b";
    from = *place(channel);
    serves(old_line());
    receives(old_line(), 10);
    acknowledges(old_line());
    ASSERT_TRUE(service->set_workers(1, {}));
    told_new = fleet->take_given(kNew);
    ASSERT_EQ(told_new.size(), 1u);
    const auto& add = std::get<AddEntry>(told_new[0]);
    EXPECT_TRUE(add.held);
    EXPECT_EQ(add.entry.channel, channel);
    to = Place{kNew, add.index};
  }
  ledger::Entry& old_line() { return fleet->ledger_of(from.slot).line(from.index); }
  ledger::Entry& new_line() { return fleet->ledger_of(kNew).line(to.index); }

  template <class Item>
  std::optional<Item> told(Slot slot) {
    std::optional<Item> found;
    for (const AssignItem& item : fleet->take_given(slot))
      if (const auto* one = std::get_if<Item>(&item)) found = *one;
    return found;
  }
  template <class Item>
  std::optional<Item> until_told(Slot slot) {
    std::optional<Item> found;
    (void)until([&] { return (found = told<Item>(slot)).has_value(); });
    return found;
  }
  // The service has looked several times, and told the slot nothing of the kind.
  template <class Item>
  bool is_not_told(Slot slot) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(120);
    bool is_told = false;
    (void)until([&] {
      is_told |= told<Item>(slot).has_value();
      return is_told || std::chrono::steady_clock::now() > end;
    });
    return !is_told;
  }
  // A fresh worker there, and what it is told of the channel.
  std::optional<AddEntry> told_to_successor(Slot slot) {
    fleet->die(slot);
    fleet->greet(slot);
    std::optional<AddEntry> found;
    (void)until([&] {
      for (const AssignItem& item : fleet->take_given(slot))
        if (const auto* add = std::get_if<AddEntry>(&item); add != nullptr && add->entry.channel == channel)
          found = *add;
      return found.has_value();
    });
    return found;
  }
  // Both have it; the old one is to clear its subscription.
  void go_over() {
    receives(new_line(), 20);
    receives(old_line(), 20);
    const auto remove = until_told<RemoveEntry>(kOld);
    ASSERT_TRUE(remove);
    EXPECT_EQ(remove->index, from.index);
  }

  std::string channel;
  Place from, to;
  std::vector<AssignItem> told_new;
};

TEST_F(ServiceHandoverTest, the_old_worker_goes_on_until_it_has_what_the_new_one_has) {
  EXPECT_TRUE(is_not_told<RemoveEntry>(kOld));
  receives(new_line(), 20);
  EXPECT_TRUE(is_not_told<RemoveEntry>(kOld)) << "the old one has not received it yet";
  receives(old_line(), 20);
  EXPECT_TRUE(until_told<RemoveEntry>(kOld));
}

TEST_F(ServiceHandoverTest, the_new_one_is_told_what_the_old_one_published_last_once_that_is_out) {
  go_over();
  receives(old_line(), 30);
  EXPECT_TRUE(is_not_told<ReleaseEntry>(kNew)) << "it waits";
  acknowledges(old_line());
  const auto release = until_told<ReleaseEntry>(kNew);
  ASSERT_TRUE(release);
  EXPECT_EQ(*release, (ReleaseEntry{to.index, 30, 1030}));
  EXPECT_EQ(service->entries_of(channel)[0].worker, kNew);
}

TEST_F(ServiceHandoverTest, the_removal_has_to_be_applied_and_nothing_that_is_assigned_later) {
  receives(new_line(), 20);
  receives(old_line(), 20);
  acknowledges(old_line());
  fleet->set_unapplied(kOld, 1);
  ASSERT_TRUE(until_told<RemoveEntry>(kOld));
  EXPECT_TRUE(is_not_told<ReleaseEntry>(kNew));
  fleet->assign(kOld, std::vector<AssignItem>(5, RemoveEntry{EntryIndex{60}}));
  fleet->set_unapplied(kOld, 5);
  EXPECT_TRUE(until_told<ReleaseEntry>(kNew));
}

TEST_F(ServiceHandoverTest, what_receives_nothing_goes_over_without_waiting_for_an_event) {
  old_line().ca.step = ledger::Step::circuit_lost;
  old_line().ca.state = ledger::EntryState::disconnected;
  EXPECT_TRUE(until_told<RemoveEntry>(kOld));
}

TEST_F(ServiceHandoverTest, the_old_worker_dies_while_the_new_one_prepares) {
  receives(old_line(), 20);
  fleet->die(kOld);
  EXPECT_TRUE(is_not_told<ReleaseEntry>(kNew)) << "what it left is not counted yet";
  fleet->greet(kOld);
  for (const AssignItem& item : fleet->take_given(kOld)) EXPECT_EQ(std::get_if<AddEntry>(&item), nullptr);
  EXPECT_TRUE(is_not_told<ReleaseEntry>(kNew));
  acknowledges(old_line());
  const auto release = until_told<ReleaseEntry>(kNew);
  ASSERT_TRUE(release);
  EXPECT_EQ(release->after_stamp, 20u);
}

TEST_F(ServiceHandoverTest, the_old_worker_dies_when_it_has_been_told_to_stop) {
  go_over();
  fleet->die(kOld);
  EXPECT_TRUE(is_not_told<ReleaseEntry>(kNew));
  fleet->greet(kOld);
  acknowledges(old_line());
  EXPECT_TRUE(until_told<ReleaseEntry>(kNew));
}

TEST_F(ServiceHandoverTest, the_new_worker_dies_while_it_prepares_and_its_successor_goes_on) {
  fleet->die(kNew);
  EXPECT_TRUE(is_not_told<RemoveEntry>(kOld));
  fleet->greet(kNew);
  bool held = false;
  for (const AssignItem& item : fleet->take_given(kNew))
    if (const auto* add = std::get_if<AddEntry>(&item); add != nullptr && add->index == to.index)
      held = add->held;
  EXPECT_TRUE(held);
  go_over();
}

TEST_F(ServiceHandoverTest, the_new_worker_dies_while_it_holds_and_its_successor_is_told) {
  go_over();
  fleet->die(kNew);
  acknowledges(old_line());
  (void)until_told<ReleaseEntry>(kNew);
  fleet->greet(kNew);
  bool held = false, released = false;
  (void)until([&] {
    for (const AssignItem& item : fleet->take_given(kNew)) {
      if (const auto* add = std::get_if<AddEntry>(&item); add != nullptr && add->index == to.index)
        held = add->held;
      if (const auto* release = std::get_if<ReleaseEntry>(&item))
        released = held && release->after_stamp == 20;
    }
    return released;
  });
  EXPECT_TRUE(held);
  EXPECT_TRUE(released);
}

TEST_F(ServiceHandoverTest,
       the_new_worker_dies_before_it_applied_what_it_was_told_and_its_successor_is_told_again) {
  go_over();
  fleet->set_unapplied(kNew, 1);
  acknowledges(old_line());
  const auto first = until_told<ReleaseEntry>(kNew);
  ASSERT_TRUE(first);
  fleet->die(kNew);
  fleet->greet(kNew);
  EXPECT_EQ(told<ReleaseEntry>(kNew), first);
}

TEST_F(ServiceHandoverTest, its_successor_is_told_again_and_of_another_command_s_events_all) {
  go_over();
  fleet->set_unapplied(kNew, 1);
  acknowledges(old_line());
  ASSERT_EQ(until_told<ReleaseEntry>(kNew)->after_stamp, 20u);
  tail->set(channel, "a");
  tail->batch_end();
  fleet->die(kNew);
  fleet->greet(kNew);
  const auto release = told<ReleaseEntry>(kNew);
  ASSERT_TRUE(release);
  EXPECT_EQ(release->after_stamp, 0u);
}

TEST_F(ServiceHandoverTest, a_command_for_it_meanwhile_is_carried_out_when_it_has_arrived) {
  tail->set(channel, "a");
  tail->batch_end();
  EXPECT_TRUE(is_not_told<AddEntry>(kOld));
  go_over();
  acknowledges(old_line());
  std::optional<AddEntry> add;
  ASSERT_TRUE(until([&] { return (add = told<AddEntry>(kNew)).has_value(); }));
  EXPECT_EQ(add->replaces, to.index);
  EXPECT_EQ(add->entry.mask, *parse_mask("a"));
}

TEST_F(ServiceHandoverTest, a_command_that_its_worker_s_successor_was_told_goes_out_whole_and_is_told_once) {
  go_over();
  tail->set(channel, "a");
  tail->batch_end();
  const auto add = told_to_successor(kNew);
  ASSERT_TRUE(add);
  EXPECT_TRUE(add->held);
  EXPECT_EQ(add->entry.mask, *parse_mask("a"));
  report_never_connected({kNew, add->index});
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  (void)until([&] { return std::chrono::steady_clock::now() > end; });  // rounds of sweeping
  acknowledges(old_line());
  const auto release = until_told<ReleaseEntry>(kNew);
  ASSERT_TRUE(release);
  EXPECT_EQ(release->after_stamp, 0u) << "its first value may be what the former one had last";
  EXPECT_TRUE(is_not_told<AddEntry>(kNew)) << "it has it already";
  const auto again = told_to_successor(kNew);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->never_connected_published) << "once a command";
}

TEST_F(ServiceHandoverTest, a_command_that_the_successor_of_who_prepares_it_was_told_goes_out_whole) {
  tail->set(channel, "a");
  tail->batch_end();
  const auto add = told_to_successor(kNew);
  ASSERT_TRUE(add);
  EXPECT_EQ(add->entry.mask, *parse_mask("a"));
  go_over();
  acknowledges(old_line());
  const auto release = until_told<ReleaseEntry>(kNew);
  ASSERT_TRUE(release);
  EXPECT_EQ(release->after_stamp, 0u) << "its first value may be what the former one had last";
  EXPECT_TRUE(is_not_told<AddEntry>(kNew)) << "it has it already";
}

TEST_F(ServiceHandoverTest, its_removal_meanwhile_removes_it_at_both) {
  tail->unset(channel);
  tail->batch_end();
  EXPECT_TRUE(told<RemoveEntry>(kOld));
  EXPECT_TRUE(told<RemoveEntry>(kNew));
}

TEST_F(ServiceHandoverTest, a_worker_is_retired_when_its_last_entry_has_arrived) {
  go_over();
  EXPECT_TRUE(fleet->retiring.empty());
  acknowledges(old_line());
  EXPECT_TRUE(until([&] { return fleet->retiring == std::vector<Slot>{kOld}; }));
}

TEST_F(ServiceHandoverTest, a_restart_replaces_the_worker_by_handover) {
  go_over();
  acknowledges(old_line());
  ASSERT_TRUE(until([&] { return !fleet->retiring.empty(); }));
  fleet->leave(kOld);
  // The one that is left: another comes for as long as it takes.
  ASSERT_TRUE(service->restart_worker(kNew, {}));
  EXPECT_TRUE(fleet->restarted.empty());
  const Slot spare{2};  // what the one that left has left is still in the spool: nobody is given its number
  ASSERT_TRUE(fleet->has(spare));
  fleet->greet(spare);
  size_t held = 0;
  for (const AssignItem& item : fleet->take_given(spare)) {
    const auto* add = std::get_if<AddEntry>(&item);
    held += add != nullptr && add->held;
  }
  EXPECT_EQ(held, 2u);
}

TEST_F(ServiceHandoverTest, a_restart_of_a_worker_that_does_not_serve_is_a_plain_one) {
  fleet->die(kNew);
  ASSERT_TRUE(service->restart_worker(kNew, {}));
  EXPECT_EQ(fleet->restarted, std::vector<Slot>{kNew});
}

// It never connected, and that was told; a new command is told of anew.
TEST_F(ServiceHandoverTest, what_was_reported_of_it_is_not_taken_for_a_command_that_came_meanwhile) {
  receives(old_line(), 20);  // waits for Kafka
  old_line().ca.state = ledger::EntryState::never_connected;
  old_line().ca.step = ledger::Step::circuit_lost;
  old_line().ca.flags = ledger::kNeverConnectedPublished;
  ASSERT_TRUE(until_told<RemoveEntry>(kOld));
  new_line().ca.state = ledger::EntryState::never_connected;
  new_line().ca.flags = ledger::kNeverConnectedPublished;  // it was told so
  tail->set(channel, "a");
  tail->batch_end();
  EXPECT_TRUE(is_not_told<AddEntry>(kNew));
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  (void)until([&] { return std::chrono::steady_clock::now() > end; });  // rounds of sweeping
  acknowledges(old_line());
  std::optional<AddEntry> add;
  ASSERT_TRUE(until([&] { return (add = told<AddEntry>(kNew)).has_value(); }));
  EXPECT_EQ(add->replaces, to.index);
  EXPECT_FALSE(add->never_connected_published);
}

}  // namespace
}  // namespace e2k::supervisor
