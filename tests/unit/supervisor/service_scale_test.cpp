// Slots that come and go, as the service sees it.
#include "supervisor/fleet/resize.h"

#include <filesystem>

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

// More than are planned within a turn.
TEST_F(ScaledServiceTest, the_plan_of_many_channels_is_made_while_others_are_served) {
  constexpr int kMany = 12'000;
  std::vector<std::string> channels;
  for (int i = 0; i < kMany; ++i) channels.push_back("c" + std::to_string(i));
  start_with(channels);
  ASSERT_TRUE(until([&] { return channels_at(0) + channels_at(1) == kMany; }));
  ASSERT_TRUE(service->set_workers(3, {}));
  fleet->greet(Slot{2});
  tail->set("meanwhile");
  tail->batch_end();
  EXPECT_EQ(channels_at(2), 0u);
  ASSERT_TRUE(until([&] { return channels_at(2) != 0; }));
  ASSERT_TRUE(until([&] { return channels_at(0) + channels_at(1) + channels_at(2) == kMany + 1; }));
}

TEST_F(ScaledServiceTest, a_fresh_worker_is_told_what_it_serves_in_slices) {
  constexpr size_t kMany = 5'000;
  std::vector<std::string> channels;
  for (size_t i = 0; i < kMany; ++i) channels.push_back("c" + std::to_string(i));
  config.workers.count = 1;
  start_with(channels);
  ASSERT_TRUE(until([&] {
    note_given();
    return served[0].size() == kMany;
  }));
  report_never_connected({Slot{0}, EntryIndex{17}});
  fleet->die(Slot{0});
  fleet->greet(Slot{0});
  served[0].clear();
  note_given();
  EXPECT_LT(served[0].size(), kMany);
  ASSERT_TRUE(until([&] {
    note_given();
    return served[0].size() == kMany;
  }));
  EXPECT_TRUE(served[0].at(EntryIndex{17}).never_connected_published) << "what its predecessor reported";
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

TEST_F(ScaledServiceTest,
       a_rolling_restart_goes_on_past_a_worker_that_is_about_to_leave_and_comes_back_to_one_that_stays) {
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
  fleet->state_of(Slot{2}).phase = SlotPhase::backoff;
  ASSERT_TRUE(service->set_workers(3, {}));
  EXPECT_EQ(fleet->restarted, slots({0, 1, 2})) << "it stays after all";
  fleet->greet(Slot{2});
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

TEST_F(ScaledServiceTest, logs_of_a_gone_slot_are_given_to_somebody_where_workers_were_taken_over) {
  std::filesystem::create_directories(config.spool.directory + "/2.7");
  start();
  for (const Slot slot : slots({0, 1})) fleet->found(slot);
  for (const Slot slot : slots({0, 1})) fleet->adopt(slot, {});
  tail->set("a");
  tail->end();
  EXPECT_TRUE(until([&] { return !fleet->restarted.empty() || channels_at(0) + channels_at(1) == 0; }))
      << "events in 2.7 wait until a worker happens to be restarted";
  EXPECT_FALSE(fleet->restarted.empty());
}

TEST_F(ScaledServiceTest, a_rolling_restart_goes_on_where_the_supervisor_before_had_left_off) {
  ASSERT_TRUE(directory->keep_rolling_upto(Generation{1}));  // worker 1 has been restarted
  start();
  for (const Slot slot : slots({0, 1})) fleet->found(slot);
  for (const Slot slot : slots({0, 1})) fleet->adopt(slot, {});
  tail->end();
  ASSERT_TRUE(until([&] { return !fleet->restarted.empty(); }, 5));
  EXPECT_EQ(fleet->restarted, slots({0}));
  fleet->greet(Slot{0});
  EXPECT_EQ(directory->rolling_upto(), Generation{}) << "all have been";
  EXPECT_FALSE(until([&] { return fleet->restarted.size() > 1; }, 2));
}

TEST_F(ScaledServiceTest, a_rolling_restart_is_kept_until_all_have_been) {
  start_with({});
  service->restart_workers(true, false, {});
  ASSERT_TRUE(until([&] { return !fleet->restarted.empty(); }, 5));
  EXPECT_EQ(directory->rolling_upto(), Generation{2});
  const Slot first = fleet->restarted.front();
  fleet->greet(first);
  EXPECT_EQ(directory->rolling_upto(), Generation{2});
  ASSERT_TRUE(until([&] { return fleet->restarted.size() == 2; }, 5));
  fleet->greet(fleet->restarted.back());
  EXPECT_EQ(directory->rolling_upto(), Generation{});
}

TEST_F(ScaledServiceTest, nobody_is_asked_to_drain_while_the_service_is_paused) {
  std::filesystem::create_directories(config.spool.directory + "/2.7");
  ASSERT_TRUE(directory->keep_paused(true));
  start();
  for (const Slot slot : slots({0, 1})) fleet->found(slot);
  for (const Slot slot : slots({0, 1})) fleet->adopt(slot, {});
  tail->set("a");
  tail->end();
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  EXPECT_FALSE(until([&] { return !fleet->restarted.empty() || std::chrono::steady_clock::now() > end; }) &&
               !fleet->restarted.empty());
  ASSERT_TRUE(service->set_paused(false, {}));
  EXPECT_TRUE(until([&] { return !fleet->restarted.empty(); }));
}

TEST_F(ScaledServiceTest, an_heir_gets_what_a_slot_left_though_a_rolling_restart_has_ended) {
  config.workers.count = config.workers.configured = 3;
  start_with({});
  std::filesystem::create_directories(config.spool.directory + "/2.7");
  ASSERT_TRUE(service->set_workers(2, {}));
  ASSERT_TRUE(until([&] { return retires(2); }));
  fleet->state_of(Slot{1}).phase = SlotPhase::backoff;
  service->restart_workers(true, true, {});
  ASSERT_EQ(fleet->restarted, slots({1}));
  fleet->leave(Slot{2});  // its heir is worker 0
  fleet->fail(Slot{1});
  EXPECT_TRUE(until([&] {
    return fleet->restarted == slots({1, 0});
  })) << "what slot 2 left waits until worker 0 happens to be restarted";
}

// Workers of such a share would end with exit 78 and fail, those of the next start, too.
TEST_F(ScaledServiceTest, more_workers_than_the_spool_can_be_shared_by_are_refused_and_not_kept) {
  config.spool.max_event_bytes = 8 << 20;
  config.spool.max_total_bytes = int64_t{5} * 3 * (8 << 20);
  start_with({"a", "b"});
  const auto refused = service->set_workers(6, {});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_lasting);
  EXPECT_NE(refused.error().message.find("at most 5 workers"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("at least 150994944"), std::string::npos) << refused.error().message;
  EXPECT_EQ(directory->workers(2), 2);
  EXPECT_EQ(service->workers().size(), 2u);
  EXPECT_TRUE(service->set_workers(5, {}));
}

// What others have of the spool is not made smaller for it.
TEST_F(ScaledServiceTest, a_worker_that_is_there_for_a_replacement_only_is_told_to_be_a_spare) {
  config.workers.count = config.workers.configured = 1;
  start_with({"a", "b"});
  service->restart_worker(Slot{0}, {});
  ASSERT_TRUE(until([&] { return fleet->has(Slot{1}); }));
  EXPECT_EQ(fleet->spares, std::set<Slot>{Slot{1}});
  // Somebody asks for it to stay.
  ASSERT_TRUE(service->set_workers(2, {}));
  EXPECT_EQ(fleet->spares, std::set<Slot>{});
}

TEST_F(ScaledServiceTest, a_worker_that_joins_for_good_is_no_spare) {
  start_with({"a", "b"});
  ASSERT_TRUE(service->set_workers(3, {}));
  EXPECT_EQ(fleet->spares, std::set<Slot>{});
}

}  // namespace
}  // namespace e2k::supervisor
