// What waits in slots that have failed, as the service sees to it.
#include <filesystem>

#include "service_fixture.h"

namespace e2k::supervisor {
namespace {

class LoansTest : public ServiceTest {
protected:
  // Two workers; so many events of "a" wait at slot 1.
  void start_with_events_waiting() {
    config.workers.configured = config.workers.count;
    start_with({"a", "b", "c", "d"});
    channel = place_at(Slot{1});
    set_waiting(3);
    std::filesystem::create_directories(config.spool.directory + "/1.2");
  }
  std::string place_at(Slot slot) {
    for (const char* name : {"a", "b", "c", "d"})
      if (place(name)->slot == slot) return name;
    return "";
  }
  void set_waiting(uint64_t events) {
    const Place at{Slot{1}, index_at_1()};
    TestLedger& books = fleet->ledger_of(Slot{1});
    books.line(at.index).ca.appended = books.line(at.index).publisher.acknowledged + events;
    books.header().appended = books.header().produced + events;
  }
  EntryIndex index_at_1() { return first_index_ ? *first_index_ : *(first_index_ = place(channel)->index); }
  // As its drainer does: it opens the logs before it greets.
  void greet_drainer(Slot slot) {
    fleet->ledger_of(Slot{1}).header().pid = 1000 + slot.value;
    fleet->greet(slot);
  }
  // All of it is in Kafka, and the logs are removed.
  void drain() {
    set_waiting(0);
    std::filesystem::remove_all(config.spool.directory + "/1.2");
  }
  bool retires(Slot slot) { return std::ranges::find(fleet->retiring, slot) != fleet->retiring.end(); }
  bool is_released(const std::string& name) {
    for (const AssignItem& item : fleet->take_given(Slot{0})) {
      if (const auto* add = std::get_if<AddEntry>(&item); add != nullptr && add->entry.channel == name)
        adds_[name] = *add;
      if (const auto* release = std::get_if<ReleaseEntry>(&item);
          release != nullptr && adds_.contains(name) && release->index == adds_[name].index)
        released_ = true;
    }
    return released_;
  }
  bool comes_held() { return (void)is_released(channel), adds_.contains(channel) && adds_[channel].held; }

  std::string channel;

private:
  std::optional<EntryIndex> first_index_;
  std::map<std::string, AddEntry> adds_;
  bool released_ = false;
};

TEST_F(LoansTest, what_waits_in_a_failed_slot_is_published_by_a_worker_of_its_own_and_others_wait_for_it) {
  start_with_events_waiting();
  fleet->fail(Slot{1});
  ASSERT_TRUE(fleet->has(Slot{2}));
  EXPECT_TRUE(fleet->state_of(Slot{1}).lent);
  EXPECT_TRUE(fleet->spares.contains(Slot{2})) << "nobody's part of the spool is smaller for it";
  greet_drainer(Slot{2});
  ASSERT_EQ(fleet->extras(Slot{2}).estates.size(), 1u);
  EXPECT_EQ(fleet->extras(Slot{2}).estates[0].slot, Slot{1});
  ASSERT_TRUE(comes_held());
  EXPECT_TRUE(fleet->take_given(Slot{2}).empty()) << "it serves no channel";
  (void)until([&] { return is_released(channel); }, 1);
  EXPECT_FALSE(is_released(channel));
  EXPECT_FALSE(retires(Slot{2}));

  drain();
  EXPECT_TRUE(until([&] { return is_released(channel); }));
  EXPECT_TRUE(until([&] { return retires(Slot{2}); }));
  fleet->leave(Slot{2});
  EXPECT_EQ(fleet->returned, std::vector<Slot>{Slot{1}});
  EXPECT_FALSE(until([&] { return fleet->has(Slot{2}); }, 2)) << "nothing is left to be lent";
}

TEST_F(LoansTest, who_asks_for_the_slot_ends_the_loan_and_order_is_kept) {
  start_with_events_waiting();
  fleet->fail(Slot{1});
  greet_drainer(Slot{2});
  ASSERT_TRUE(comes_held());
  fleet->state_of(Slot{1}).restart_wanted = true;  // the slot machine's
  ASSERT_TRUE(service->restart_worker(Slot{1}, {}));
  ASSERT_TRUE(retires(Slot{2}));
  fleet->leave(Slot{2});
  EXPECT_EQ(fleet->returned, std::vector<Slot>{Slot{1}});
  fleet->greet(Slot{1});
  (void)until([&] { return is_released(channel); }, 1);
  EXPECT_FALSE(is_released(channel)) << "they wait at its own worker now";
  set_waiting(0);
  EXPECT_TRUE(until([&] { return is_released(channel); }));
}

TEST_F(LoansTest, one_whose_logs_end_their_reader_is_left_alone_and_nobody_waits_for_it) {
  start_with_events_waiting();
  fleet->fail(Slot{1});
  fleet->state_of(Slot{2}).own_failures = 3;
  fleet->state_of(Slot{2}).phase = SlotPhase::backoff;
  EXPECT_TRUE(until([&] { return retires(Slot{2}); }));
  fleet->leave(Slot{2});
  EXPECT_TRUE(until([&] { return is_released(channel); }));
  EXPECT_FALSE(until([&] { return fleet->has(Slot{2}); }, 2)) << "before it has run nobody tries again";
  EXPECT_TRUE(stands("WORKER_FAILED"));
}

TEST_F(LoansTest, nothing_is_lent_where_nobody_serves_or_nothing_waits) {
  start_with_events_waiting();
  set_waiting(0);
  fleet->fail(Slot{1});
  EXPECT_FALSE(fleet->has(Slot{2}));
  set_waiting(2);
  fleet->fail(Slot{0});
  fleet->fail(Slot{1});
  EXPECT_FALSE(fleet->has(Slot{2}));
}

TEST_F(LoansTest, a_drainer_is_none_of_those_that_the_fleet_is_to_have) {
  start_with_events_waiting();
  fleet->fail(Slot{1});
  greet_drainer(Slot{2});
  ASSERT_TRUE(service->set_workers(3, {}));
  EXPECT_TRUE(fleet->has(Slot{3}));
  fleet->greet(Slot{3});
  EXPECT_TRUE(fleet->take_given(Slot{2}).empty());
  drain();
  EXPECT_TRUE(until([&] { return retires(Slot{2}); }));
}

// Its replacement was under way.
TEST_F(LoansTest, a_replaced_worker_that_fails_is_lent_and_what_is_under_way_waits) {
  start_with_events_waiting();
  ASSERT_TRUE(service->restart_worker(Slot{1}, {}));
  tail->set("e");  // the plan is behind
  fleet->die_for_good(Slot{1});
  ASSERT_TRUE(fleet->has(Slot{2}));
  EXPECT_TRUE(fleet->state_of(Slot{1}).lent) << "before anybody asks for it";
  greet_drainer(Slot{2});
  ASSERT_EQ(fleet->extras(Slot{2}).estates.size(), 1u);
  ASSERT_TRUE(comes_held());
  (void)until([&] { return is_released(channel); }, 1);
  EXPECT_FALSE(is_released(channel));
  EXPECT_FALSE(fleet->has(Slot{3})) << "lent once";
}

TEST_F(LoansTest, a_drainer_does_not_get_what_its_owner_was_started_for_meanwhile) {
  start_with_events_waiting();
  fleet->fail(Slot{1});
  fleet->state_of(Slot{1}).lent = false;
  fleet->state_of(Slot{1}).phase = SlotPhase::starting;
  fleet->greet(Slot{2});
  EXPECT_TRUE(fleet->extras(Slot{2}).estates.empty());
}

TEST_F(LoansTest, a_lent_slot_that_leaves_has_an_heir_and_is_drained_once) {
  start_with_events_waiting();
  fleet->fail(Slot{1});
  greet_drainer(Slot{2});
  ASSERT_TRUE(service->set_workers(1, {}));
  set_waiting(0);  // its files are still there
  ASSERT_TRUE(until([&] { return retires(Slot{1}); }));
  fleet->leave(Slot{1});
  fleet->die(Slot{2});
  fleet->greet(Slot{2});
  EXPECT_LE(fleet->extras(Slot{2}).estates.size(), 1u);
  EXPECT_TRUE(until([&] { return retires(Slot{2}); }));
}

TEST_F(LoansTest, a_drainer_whose_logs_somebody_has_removed_is_waited_for) {
  start_with_events_waiting();
  std::filesystem::remove_all(config.spool.directory + "/1.2");
  fleet->fail(Slot{1});
  ASSERT_TRUE(fleet->has(Slot{2}));
  EXPECT_FALSE(until([&] { return retires(Slot{2}); }, 3)) << "it tells that they are lost";
  greet_drainer(Slot{2});
  set_waiting(0);
  EXPECT_TRUE(until([&] { return retires(Slot{2}); }));
}

TEST_F(LoansTest, a_slot_that_is_tried_once_a_minute_is_tried_though_it_is_lent) {
  start_with_events_waiting();
  fleet->state_of(Slot{1}).tries_again = true;
  fleet->state_of(Slot{1}).phase_since = monotonic_now();
  fleet->fail(Slot{1});
  greet_drainer(Slot{2});
  EXPECT_FALSE(until([&] { return retires(Slot{2}); }, 2));
  fleet->state_of(Slot{1}).phase_since.value -= 60 * kNsPerSecond;
  EXPECT_TRUE(until([&] { return retires(Slot{2}); }));
  fleet->leave(Slot{2});
  EXPECT_EQ(fleet->state_of(Slot{1}).phase, SlotPhase::starting);
  EXPECT_FALSE(fleet->has(Slot{2})) << "before it was tried";
}

}  // namespace
}  // namespace e2k::supervisor
