// Slots that come and go, as the service sees it.
#include "supervisor/fleet/resize.h"

#include "service_fixture.h"

namespace e2k::supervisor {
namespace {

std::vector<Slot> slots(std::initializer_list<int> numbers) {
  std::vector<Slot> out;
  for (const int n : numbers) out.push_back(Slot{static_cast<uint16_t>(n)});
  return out;
}

TEST(Resizing, takes_back_who_is_about_to_leave_then_the_lowest_free_numbers) {
  const auto is_free = [](Slot slot) { return slot.value != 2; };  // its logs are another's
  const Resize more = resize(slots({0}), {Slot{1}}, 4, is_free);
  EXPECT_EQ(more.stay, slots({1}));
  EXPECT_EQ(more.enter, slots({3, 4}));
  EXPECT_TRUE(more.leave.empty());
}

TEST(Resizing, sends_the_highest_away_and_nobody_where_there_are_as_many) {
  const auto is_free = [](Slot) { return true; };
  EXPECT_EQ(resize(slots({3, 0, 1}), {}, 1, is_free).leave, slots({3, 1}));
  const Resize same = resize(slots({0, 1}), {Slot{5}}, 2, is_free);
  EXPECT_TRUE(same.leave.empty() && same.stay.empty() && same.enter.empty());
}

class ScaledServiceTest : public ServiceTest {
protected:
  ScaledServiceTest() { config.workers.configured = config.workers.count; }
  void serve_all() {
    note_given();
    for (const auto& [slot, lines] : served)
      for (const auto& [index, add] : lines) {
        ledger::Entry& line = fleet->ledger_of(Slot{slot}).line(index);
        line.ca.state = ledger::EntryState::connected;
        line.ca.step = ledger::Step::receiving;
      }
  }
  size_t channels_at(uint16_t slot) {
    for (const WorkerView& worker : service->workers())
      if (worker.slot == Slot{slot}) return worker.channels;
    return 0;
  }
  std::string state_of(uint16_t slot) {
    for (const WorkerView& worker : service->workers())
      if (worker.slot == Slot{slot}) return worker.state;
    return "";
  }
  bool retires(uint16_t slot) {
    return std::find(fleet->retiring.begin(), fleet->retiring.end(), Slot{slot}) != fleet->retiring.end();
  }
};

TEST_F(ScaledServiceTest, a_worker_that_joins_gets_its_share_and_no_more_than_that_moves) {
  start_with({"a", "b", "c", "d", "e", "f"});
  ASSERT_TRUE(service->set_workers(3, {}));
  ASSERT_TRUE(fleet->has(Slot{2}));
  fleet->greet(Slot{2});
  EXPECT_EQ(channels_at(0), 2u);
  EXPECT_EQ(channels_at(1), 2u);
  EXPECT_EQ(channels_at(2), 2u);
}

TEST_F(ScaledServiceTest, the_highest_worker_gives_its_channels_up_before_it_is_stopped) {
  start_with({"a", "b", "c", "d"});
  ledger::Entry& line = fleet->ledger_of(Slot{1}).line(EntryIndex{0});
  line.ca.appended = 1;  // waits
  fleet->ledger_of(Slot{1}).header().appended = 1;
  ASSERT_TRUE(service->set_workers(1, {}));
  EXPECT_EQ(channels_at(0), 4u);
  EXPECT_EQ(state_of(1), "RETIRING");
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1300);
  EXPECT_FALSE(until([&] { return retires(1) || std::chrono::steady_clock::now() > end; }) && retires(1));
  line.publisher.acknowledged = 1;
  fleet->ledger_of(Slot{1}).header().acknowledged = 1;
  ASSERT_TRUE(until([&] { return retires(1); }));
  fleet->leave(Slot{1});
  EXPECT_EQ(service->workers().size(), 1u);
}

TEST_F(ScaledServiceTest, who_was_about_to_leave_stays_when_it_is_wanted_again) {
  start_with({"a", "b", "c", "d"});
  serve_all();  // hence handed over in its time
  ASSERT_TRUE(service->set_workers(1, {}));
  ASSERT_TRUE(service->set_workers(2, {}));
  EXPECT_EQ(state_of(1), "RUNNING");
  EXPECT_EQ(service->workers().size(), 2u);
}

TEST_F(ScaledServiceTest, the_number_holds_over_restarts_until_the_configured_one_is_another) {
  start_with({});
  ASSERT_TRUE(service->set_workers(5, {}));
  EXPECT_EQ(directory->workers(2), 5);
  EXPECT_EQ(directory->workers(3), 3);
}

TEST_F(ScaledServiceTest, a_slot_that_has_failed_gives_its_channels_to_the_others_until_it_is_back) {
  start_with({"a", "b", "c", "d"});
  fleet->fail(Slot{1});
  EXPECT_EQ(channels_at(0), 4u);
  tail->set("e");
  tail->batch_end();
  EXPECT_EQ(channels_at(0), 5u);
  fleet->greet(Slot{1});
  EXPECT_EQ(channels_at(1), 2u);
}

TEST_F(ScaledServiceTest, a_rolling_restart_goes_on_past_a_worker_that_is_about_to_leave) {
  config.workers.count = config.workers.configured = 3;
  start_with({"a", "b", "c"});
  serve_all();
  ASSERT_TRUE(service->set_workers(2, {}));
  ASSERT_EQ(state_of(2), "RETIRING");
  const auto roll = [&] {
    fleet->restarted.clear();
    for (const Slot slot : slots({0, 1})) fleet->state_of(slot).phase = SlotPhase::backoff;
    service->restart_workers(true, false, {});
  };
  roll();
  fleet->greet(Slot{0});
  fleet->greet(Slot{1});
  EXPECT_EQ(fleet->restarted, slots({0, 1}));
  ASSERT_TRUE(service->set_workers(3, {}));
  roll();
  EXPECT_EQ(fleet->restarted, slots({0}));
}

TEST_F(ScaledServiceTest, of_those_that_have_failed_each_begins_when_the_one_before_is_back) {
  config.workers.count = config.workers.configured = 3;
  start_with({"a", "b", "c"});
  serve_all();
  fleet->fail(Slot{0});
  fleet->state_of(Slot{2}).phase = SlotPhase::backoff;
  service->restart_workers(true, true, {});
  EXPECT_EQ(fleet->restarted, slots({0}));
  fleet->greet(Slot{0});
  EXPECT_EQ(fleet->restarted, slots({0, 2}));
  fleet->restarted.clear();
  fleet->fail(Slot{0});
  service->restart_workers(false, true, {});
  EXPECT_EQ(fleet->restarted, slots({0, 2}));
}

TEST_F(ScaledServiceTest,
       a_worker_that_is_replaced_is_not_restarted_while_another_has_not_received_what_it_does) {
  start_with({"a", "b"});
  serve_all();
  EXPECT_TRUE(service->restart_worker(Slot{1}, {}));
  EXPECT_EQ(channels_at(1), 0u) << "it is to be another's";
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  (void)until([&] { return !fleet->restarted.empty() || std::chrono::steady_clock::now() > end; });
  EXPECT_TRUE(fleet->restarted.empty());
}

TEST_F(ScaledServiceTest, a_worker_that_is_replaced_gives_nothing_to_one_that_has_failed) {
  start_with({"a", "b"});
  serve_all();
  fleet->fail(Slot{0});
  EXPECT_TRUE(service->restart_worker(Slot{1}, {}));
  EXPECT_TRUE(fleet->has(Slot{2})) << "a spare one";
  EXPECT_EQ(channels_at(0), 0u);
}

TEST_F(ScaledServiceTest, where_every_slot_has_failed_channels_stay_where_they_are) {
  start_with({"a", "b"});
  fleet->fail(Slot{0});
  fleet->fail(Slot{1});
  EXPECT_EQ(channels_at(0) + channels_at(1), 2u);
}

}  // namespace
}  // namespace e2k::supervisor
