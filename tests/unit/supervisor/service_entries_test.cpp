// What a channel's entries come to when moves of them are given up, and when another has their id: the
// service with workers that apply what they are given.
#include <chrono>
#include <filesystem>
#include <map>

#include "service_fixture.h"

namespace e2k::supervisor {
namespace {

using namespace std::chrono_literals;

class ServiceEntriesTest : public ServiceTest {
protected:
  std::vector<Place> places(const std::string& topic, const std::string& channel) {
    note_given();
    std::vector<Place> all;
    for (const auto& [slot, lines] : served)
      if (fleet->has(Slot{slot}))
        for (const auto& [index, add] : lines)
          if (add.entry.channel == channel && add.entry.topic == topic) all.push_back({Slot{slot}, index});
    return all;
  }
  // Channels "a" and "b", each to "t0" and "t1": an event of each is in Kafka.
  void serve_two_topics_each() {
    for (const char* c : {"a", "b"})
      for (const char* t : {"t0", "t1"})
        tail->record(std::string(R"({"topic":")") + t + R"(","channel":")" + c + R"("})", R"({"mask":"v"})");
    tail->end();
    for (const char* c : {"a", "b"})
      for (const char* t : {"t0", "t1"}) {
        const Place p = places(t, c).at(0);
        serves(line(p)), receives(line(p), 10), acknowledges(line(p));
      }
  }
  // The channel that another worker is told when it joins the one that serves both.
  std::string one_channel_is_on_its_way() {
    config.workers.count = 1;
    std::filesystem::create_directories(folder / "spool/0.1");
    start();
    fleet->greet(Slot{0});
    serve_two_topics_each();
    EXPECT_TRUE(service->set_workers(2, {}));
    fleet->greet(Slot{1});
    return places("t0", "a").size() == 2 ? "a" : "b";
  }
  // Long enough for what must not come.
  void goes_on_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    (void)until([&] { return std::chrono::steady_clock::now() > end; });
  }
};

// Scaled up and down again while an event of one of a channel's two topics waits for Kafka.
TEST_F(ServiceEntriesTest, both_entries_of_a_channel_are_served_after_scaling_up_and_down_again) {
  const std::string moved = one_channel_is_on_its_way();
  auto t0 = places("t0", moved), t1 = places("t1", moved);
  ASSERT_EQ(t0.size(), 2u);
  ASSERT_EQ(t1.size(), 2u);
  const Place old0 = t0[0], new0 = t0[1];
  serves(line(new0));
  receives(line(new0), 20);
  receives(line(old0), 20);  // waits for Kafka
  ASSERT_TRUE(until([&] { return places("t0", moved).size() == 1; })) << "it has gone over";
  ASSERT_TRUE(service->set_workers(1, {}));  // the other, which has no event yet, is given up
  ASSERT_TRUE(until([&] { return places("t1", moved).size() == 1; }));
  EXPECT_EQ(places("t1", moved)[0].slot, Slot{0});
  goes_on_for(200ms);
  acknowledges(line(old0));
  goes_on_for(300ms);
  note_given();
  // If it is to come back, let it.
  if (places("t0", moved).size() == 2) {
    const Place back = places("t0", moved)[0];
    serves(line(back)), receives(line(back), 30), receives(line(new0), 30), acknowledges(line(new0));
  }
  ASSERT_TRUE(until([&] { return !fleet->retiring.empty(); }));
  ASSERT_EQ(places("t0", moved).size(), 1u);
  EXPECT_EQ(places("t0", moved)[0].slot, Slot{0}) << "the worker that serves it is told to leave";
}

// While an event of one of a channel's two topics waits for Kafka, the worker that takes over is restarted,
// too.
TEST_F(ServiceEntriesTest, both_entries_of_a_channel_are_served_after_two_restarts_that_overlap) {
  config.workers.count = 2;
  start();
  greet_all();
  serve_two_topics_each();
  const std::string moved = places("t0", "a").at(0).slot == Slot{0} ? "a" : "b";
  const Place old0 = places("t0", moved).at(0);
  ASSERT_EQ(old0.slot, Slot{0});
  ASSERT_TRUE(service->restart_worker(Slot{0}, {}));
  const auto t0 = places("t0", moved);
  ASSERT_EQ(t0.size(), 2u);
  const Place new0 = t0[0] == old0 ? t0[1] : t0[0];
  ASSERT_EQ(new0.slot, Slot{1});
  serves(line(new0)), receives(line(new0), 20);
  receives(line(old0), 20);  // waits for Kafka
  ASSERT_TRUE(until([&] { return places("t0", moved).size() == 1; })) << "it has gone over";
  ASSERT_TRUE(service->restart_worker(Slot{1}, {}));
  goes_on_for(100ms);
  acknowledges(line(old0)), acknowledges(line(new0));
  goes_on_for(100ms);
  // The spare of the two: everything arrives there at once.
  fleet->greet(Slot{2});
  ASSERT_TRUE(until([&] {
    note_given();
    for (const char* t : {"t0", "t1"})
      for (const Place& p : places(t, moved))
        if (p.slot == Slot{2}) serves(line(p)), receives(line(p), 1000), acknowledges(line(p));
    for (const char* t : {"t0", "t1"}) {
      const auto all = places(t, moved);
      if (all.size() != 1 || all[0].slot != Slot{2} || served.at(2).at(all[0].index).held) return false;
    }
    return true;
  }));
}

// One of a channel's two topics has gone over and waits for Kafka, the other stays: until the first is back,
// the worker that has it is not restarted.
TEST_F(ServiceEntriesTest, a_worker_is_not_restarted_while_it_serves_what_is_to_come_back) {
  const std::string moved = one_channel_is_on_its_way();
  const auto t0 = places("t0", moved);
  ASSERT_EQ(t0.size(), 2u);
  const Place old0 = t0[0], new0 = t0[1];
  serves(line(new0)), receives(line(new0), 20);
  receives(line(old0), 20);  // waits for Kafka
  ASSERT_TRUE(until([&] { return places("t0", moved).size() == 1; })) << "it has gone over";
  ASSERT_TRUE(service->restart_worker(Slot{1}, {}));
  ASSERT_TRUE(until([&] { return places("t1", moved).size() == 1; })) << "the other is given up";
  goes_on_for(200ms);
  EXPECT_TRUE(fleet->restarted.empty());
  acknowledges(line(old0)), acknowledges(line(new0));
  ASSERT_TRUE(until([&] {
    if (!fleet->restarted.empty()) return true;
    for (const Place& p : places("t0", moved))
      serves(line(p)), receives(line(p), 1000), acknowledges(line(p));
    return false;
  }));
  EXPECT_EQ(fleet->restarted, std::vector<Slot>{Slot{1}});
  const auto at = places("t0", moved);
  ASSERT_EQ(at.size(), 1u);
  EXPECT_EQ(at[0].slot, Slot{0}) << "nobody receives it while that one begins anew";
}

// A blocked topic's entry has moved and is unset; the next that is commanded has its id.
TEST_F(ServiceEntriesTest, an_entry_does_not_wait_for_what_another_that_had_its_id_has_left) {
  config.workers.count = 2;
  for (const char* l : {"spool/0.1", "spool/1.1", "spool/2.1"})
    std::filesystem::create_directories(folder / l);
  start_with({});
  const auto set = [&](const std::string& t, const std::string& c) {
    tail->record(R"({"topic":")" + t + R"(","channel":")" + c + R"("})", R"({"mask":"v"})");
    tail->batch_end();
    const Place p = places(t, c).at(0);
    serves(line(p)), receives(line(p), 10), acknowledges(line(p));
    return p;
  };
  std::map<std::string, Place> was;
  for (const char* c : {"a", "b"}) was[c] = set("blocked", c);
  const std::string on1 = was["a"].slot == Slot{1} ? "a" : "b";
  receives(line(was[on1]), 15);  // for a topic that takes nothing
  ASSERT_TRUE(service->restart_worker(Slot{1}, {}));
  auto two = places("blocked", on1);
  ASSERT_EQ(two.size(), 2u);
  serves(line(two[0])), receives(line(two[0]), 20), receives(line(was[on1]), 20);
  ASSERT_TRUE(until([&] { return places("blocked", on1).size() == 1; }));
  ASSERT_TRUE(until([&] { return !fleet->restarted.empty(); }));
  // It is restarted, with the same logs.
  fleet->die(Slot{1});
  served[1].clear();
  fleet->greet(Slot{1});
  // The operator takes the right topic.
  tail->record(R"({"topic":"blocked","channel":")" + on1 + R"("})", std::nullopt);
  tail->batch_end();
  note_given();
  const Place right = set("right", on1);
  goes_on_for(200ms);
  // Its worker is restarted one day.
  ASSERT_TRUE(service->restart_worker(right.slot, {}));
  auto moves = places("right", on1);
  ASSERT_EQ(moves.size(), 2u);
  const Place to = moves[0] == right ? moves[1] : moves[0];
  serves(line(to)), receives(line(to), 30), receives(line(right), 30), acknowledges(line(right));
  ASSERT_TRUE(until([&] { return places("right", on1).size() == 1; }));
  acknowledges(line(right));
  goes_on_for(1500ms);
  note_given();
  EXPECT_FALSE(served.at(to.slot.value).at(to.index).held) << "nothing of it is published";
}

// What an entry's line says of another that had its id.
TEST_F(ServiceEntriesTest, what_was_reported_of_an_entry_is_not_taken_for_another_with_its_id) {
  config.workers.count = 1;
  start();
  fleet->greet(Slot{0});
  constexpr int kMany = 60;
  for (int i = 0; i < kMany; ++i)
    tail->record(R"({"topic":"t","channel":"c)" + std::to_string(i) + R"("})", R"({"mask":"v"})");
  tail->end();
  note_given();
  for (int i = 0; i < kMany; ++i) {
    report_never_connected(places("t", "c" + std::to_string(i)).at(0));
  }
  goes_on_for(1500ms);
  // All are taken back for others, in a batch that is more than a slice.
  for (int i = 0; i < 3000; ++i)  // repeats
    tail->record(R"({"topic":"t","channel":"x)" + std::to_string(i) + R"("})", R"({"mask":"v"})");
  for (int i = 0; i < kMany; ++i)
    tail->record(R"({"topic":"t","channel":"c)" + std::to_string(i) + R"("})", std::nullopt);
  for (int i = 0; i < kMany; ++i)
    tail->record(R"({"topic":"t","channel":"d)" + std::to_string(i) + R"("})", R"({"mask":"v"})");
  goes_on_for(1200ms);  // the tail's batches take their turns, and so does the sweep
  tail->batch_end();
  goes_on_for(1000ms);
  note_given();
  size_t taken_for_told = 0, told = 0;
  for (const auto& [index, add] : served.at(0))
    if (add.entry.channel[0] == 'd') {
      ++told;
      taken_for_told += add.never_connected_published;
    }
  EXPECT_EQ(told, static_cast<size_t>(kMany));
  EXPECT_EQ(taken_for_told, 0u);
}

}  // namespace
}  // namespace e2k::supervisor
