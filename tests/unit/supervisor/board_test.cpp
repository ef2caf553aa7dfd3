#include "supervisor/status/board.h"

#include <gtest/gtest.h>

#include "fake_fleet.h"
#include "supervisor/status/entry_view.h"
#include "tests/support/files/temp_folder.h"

namespace e2k::supervisor {
namespace {

using ledger::EntryState;

constexpr size_t number(ShownState state) {
  return static_cast<size_t>(state);
}

TEST(StateCounts, an_entry_is_counted_once_in_the_state_it_has_now) {
  StateCounts counts;
  counts.set(EntryId{3}, ShownState::pending);
  counts.set(EntryId{3}, ShownState::connected);
  counts.set(EntryId{3}, ShownState::connected);
  counts.set(EntryId{0}, ShownState::connected);
  EXPECT_EQ(counts.by_state()[number(ShownState::pending)], 0u);
  EXPECT_EQ(counts.by_state()[number(ShownState::connected)], 2u);
  counts.forget(EntryId{3});
  counts.forget(EntryId{3});
  counts.forget(EntryId{99});
  EXPECT_EQ(counts.by_state()[number(ShownState::connected)], 1u);
}

struct EntryViewTest : testing::Test {
  ledger::Entry line{};
  EntryRef entry{EntryId{0}, "topic", "channel", "", Mask{1}, 7, 0, false, false, false};
  EntryView view() {
    ChannelFacts channel;
    channel.state = line.ca.state;
    EntryView shown = entry_view(entry, shown_state_of(line), channel);
    add_line(shown, line);
    add_present(shown, line, "http://r: refused; topic topic", RealNs{100 * kNsPerSecond});
    return shown;
  }
};

TEST_F(EntryViewTest, what_kafka_refuses_goes_before_what_channel_access_says) {
  line.ca.state = EntryState::connected;
  EXPECT_EQ(shown_state_of(line), ShownState::connected);
  line.publisher.blocked = ledger::Blocked::no_topic;
  EXPECT_EQ(shown_state_of(line), ShownState::no_topic);
  EXPECT_EQ(view().reason, "topic topic does not exist in Kafka; create it, its events wait in the spool");
}

TEST_F(EntryViewTest, a_worker_s_words_of_a_registry_belong_to_an_entry_whose_topic_they_name) {
  line.ca.state = EntryState::connected;
  line.publisher.blocked = ledger::Blocked::encoder;
  EXPECT_EQ(view().reason,
            "its events wait in the spool for the id of a schema: http://r: refused; topic topic");
  entry.topic = "other";
  EXPECT_EQ(view().reason,
            "its events wait in the spool for the id of a schema; status says more (SCHEMA_REGISTRY)");
}

TEST_F(EntryViewTest, of_several_lines_the_latest_loss_is_shown_and_all_events_are_counted) {
  line.ca.state = EntryState::connected;
  line.ca.appended = 5;
  line.publisher.last_loss = static_cast<uint8_t>(ledger::LossReason::damaged);
  line.publisher.last_loss_unix_s = 50;
  ledger::Entry earlier{};
  earlier.ca.appended = 3;
  earlier.publisher.last_loss = static_cast<uint8_t>(ledger::LossReason::spool_gone);
  earlier.publisher.last_loss_unix_s = 20;
  EntryView shown = entry_view(entry, ShownState::connected, {});
  add_line(shown, line);
  add_line(shown, earlier);
  EXPECT_EQ(shown.events.received, 8u);
  EXPECT_EQ(shown.last_loss, ledger::LossReason::damaged);
}

TEST(HostRates, events_a_second_are_those_since_the_look_before) {
  HostRates rates;
  HostView host;
  host.host = "ioc";
  host.events = 10;
  rates.look({host}, 2);
  host.events = 30;
  rates.look({host}, 2);
  EXPECT_EQ(rates.events_per_s("ioc"), 10);
  host.events = 4;  // its worker's successor begins anew
  rates.look({host}, 2);
  EXPECT_EQ(rates.events_per_s("ioc"), 0);
  EXPECT_EQ(rates.events_per_s("another"), 0);
}

TEST(Flow, rates_are_those_of_the_last_seconds_and_a_sum_that_falls_begins_anew) {
  Flow flow;
  flow.look({100, 50, 0}, 1);
  EXPECT_EQ(flow.rates().received_per_s, 0);
  for (uint64_t i = 1; i <= 20; ++i) flow.look({100 + 10 * i, 50 + 5 * i, i > 18 ? i - 18 : 0}, 1);
  EXPECT_EQ(flow.rates().received_per_s, 10);
  EXPECT_EQ(flow.rates().acknowledged_per_s, 5);
  EXPECT_DOUBLE_EQ(flow.rates().lost_per_s, 0.4);  // two of five seconds
  flow.look({10, 5, 0}, 1);
  EXPECT_EQ(flow.rates().received_per_s, 0);
  flow.look({30, 5, 0}, 2);
  EXPECT_EQ(flow.rates().received_per_s, 10);
}

Config two_workers() {
  Config config;
  config.workers.count = 2;
  return config;
}

struct BoardTest : testing::Test {
  BoardTest() {
    for (const char* channel : {"a", "b", "c"}) command(channel, R"({"topic":"t","mask":"v"})");
  }
  // Of another topic, so that pages are put together in more than two slices.
  void command_two_slices() {
    std::vector<Change> changes;
    for (uint32_t i = 0; i < 2 * Board::kIdsOfASlice; ++i)
      commands.apply(0, offset++, 0, "x" + std::to_string(i), R"({"topic":"u","mask":"v"})", changes);
  }
  void command(const char* channel, std::optional<std::string_view> value) {
    std::vector<Change> changes;
    commands.apply(0, offset++, 0, channel, value, changes);
    std::vector<EntryId> dirty;
    for (const Change& change : changes) dirty.push_back(change.id);
    shares.touch(dirty);
    shares.reconcile(commands);
    for (const EntryId id : dirty) board.changed(id);
  }
  void connect(const char* channel) {
    const Place place = *shares.place(commands.find("t", channel)->id);
    fleet.ledger_of(place.slot).line(place.index).ca.state = EntryState::connected;
  }
  uint64_t count(ShownState state) { return board.status().entries_by_state[number(state)]; }

  TempFolder folder;
  Config config = two_workers();
  int64_t offset = 0;
  CommandState commands{[](std::string_view) { return std::nullopt; }, 10'000};
  Replay replay{[](const TopicRecord&) { return CommandState::Standing::news; }};
  Shares shares{{Slot{0}, Slot{1}}};
  FakeFleet fleet{2};
  Result<SpoolDirectory> spool = SpoolDirectory::open(folder / "spool");
  SlotBooks books{config, spool.value()};
  Ledgers ledgers{fleet, books};
  Reasons reasons;
  Quarantine quarantine;
  Board board{{config, commands, replay, shares, fleet, books, ledgers, reasons, quarantine,
               [] { return "refused"; }}};

  EntryPage entries_of_page(const EntryQuery& query) const {
    return run_to_end(board.entries_in_slices(query));
  }
  TopicPage topic_page(const TopicQuery& query) const {
    return run_to_end(board.topic_page_in_slices(query));
  }
  std::vector<std::string> topics(size_t limit) const { return run_to_end(board.topics_in_slices(limit)); }
};

TEST_F(BoardTest, states_are_those_of_living_workers_lines) {
  EXPECT_EQ(count(ShownState::pending), 3u);
  fleet.greet(Slot{0});
  fleet.greet(Slot{1});
  for (const char* channel : {"a", "b", "c"}) connect(channel);
  EXPECT_EQ(count(ShownState::connected), 3u);
  fleet.die(Slot{0});
  EXPECT_EQ(count(ShownState::connected), shares.entries(Slot{1}));
  EXPECT_EQ(count(ShownState::pending), shares.entries(Slot{0}));
}

TEST_F(BoardTest, counts_follow_removed_entries) {
  command("b", std::nullopt);
  EXPECT_EQ(count(ShownState::pending), 2u);
  EXPECT_EQ(board.status().entries_total, 2u);
}

TEST_F(BoardTest, the_service_starts_runs_is_degraded_paused_and_stops) {
  EXPECT_EQ(board.state(), ServiceState::starting);
  replay.reading(std::vector<int32_t>{0});
  (void)replay.end(0, 3);
  EXPECT_EQ(board.state(), ServiceState::starting) << "its workers have not greeted";
  fleet.greet(Slot{0});
  fleet.greet(Slot{1});
  EXPECT_EQ(board.state(), ServiceState::running);
  reasons.tell(ReasonCode::brokers_down, "no broker", RealNs{1});
  EXPECT_EQ(board.state(), ServiceState::degraded);
  board.set_paused(true);
  EXPECT_EQ(board.state(), ServiceState::paused);
  board.set_stopping();
  EXPECT_EQ(board.state(), ServiceState::stopping);
}

TEST_F(BoardTest, a_worker_that_died_does_not_make_the_service_starting_again) {
  replay.reading(std::vector<int32_t>{0});
  (void)replay.end(0, 3);
  fleet.greet(Slot{0});
  fleet.greet(Slot{1});
  fleet.die(Slot{0});
  fleet.state_of(Slot{0}).phase = SlotPhase::starting;
  EXPECT_EQ(board.state(), ServiceState::running);
}

TEST_F(BoardTest, pages_are_in_the_order_of_channels_and_go_on_behind_their_cursor) {
  EntryQuery query;
  query.limit = 2;
  EntryPage page = entries_of_page(query);
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items[0].channel, "a");
  EXPECT_EQ(page.items[1].channel, "b");
  query.after = page.next;
  page = entries_of_page(query);
  ASSERT_EQ(page.items.size(), 1u);
  EXPECT_EQ(page.items[0].channel, "c");
  EXPECT_EQ(page.next, "");
}

TEST_F(BoardTest, pages_hold_what_is_asked_for) {
  command("d", R"({"topic":"s","mask":"v"})");
  fleet.greet(Slot{0});
  fleet.greet(Slot{1});
  connect("a");
  const Place b = *shares.place(commands.find("t", "b")->id);
  ledger::Entry& line = fleet.ledger_of(b.slot).line(b.index);
  line.publisher.blocked = ledger::Blocked::no_topic;
  line.publisher.lost_spooled = 2;
  line.ca.appended = 2;
  line.ca.last_arrival_real_ns = real_now().value;
  const auto names = [this](const EntryQuery& query) {
    std::string text;
    for (const EntryView& entry : entries_of_page(query).items) text += entry.channel;
    return text;
  };
  EntryQuery query;
  query.states = {ShownState::connected, ShownState::no_topic};
  EXPECT_EQ(names(query), "ab");
  query = {};
  query.topic = "s";
  EXPECT_EQ(names(query), "d");
  query = {};
  query.lost = true;
  EXPECT_EQ(names(query), "b");
  query = {};
  query.older_than_s = 60;
  EXPECT_EQ(names(query), "acd") << "those that never had an event are silent, too";
  query = {};
  query.host = "10.0.0.1";
  EXPECT_EQ(names(query), "");
}

TEST_F(BoardTest, pages_of_many_entries_take_several_slices_and_hold_nothing_that_went_meanwhile) {
  command_two_slices();
  EntryQuery query;
  query.limit = 3;
  const InSlices<EntryPage> entries = board.entries_in_slices(query);
  const InSlices<TopicPage> topics = board.topic_page_in_slices({10, ""});
  for (int slice = 0; slice < 2; ++slice) {
    EXPECT_FALSE(entries());
    EXPECT_FALSE(topics());
  }
  command("b", std::nullopt);
  const EntryPage page = run_to_end(entries);
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items[0].channel, "a");
  EXPECT_EQ(page.items[1].channel, "c");
  EXPECT_EQ(page.next, std::string("c\tt"));
  const TopicPage sums = run_to_end(topics);
  ASSERT_EQ(sums.items.size(), 2u);
  EXPECT_EQ(sums.items[1].topic, "u");
  EXPECT_EQ(sums.items[1].entries, 2 * Board::kIdsOfASlice);
}

TEST_F(BoardTest, a_page_holds_an_entry_that_was_commanded_anew_meanwhile) {
  command_two_slices();
  EntryQuery query;
  query.limit = 3;
  const InSlices<EntryPage> entries = board.entries_in_slices(query);
  EXPECT_FALSE(entries());
  command("b", std::nullopt);
  command("z", R"({"topic":"t","mask":"v"})");  // gets its id
  command("b", R"({"topic":"t","mask":"v"})");
  const EntryPage page = run_to_end(entries);
  ASSERT_EQ(page.items.size(), 3u);
  EXPECT_EQ(page.items[1].channel, "b");
}

TEST_F(BoardTest, a_page_of_topics_sums_all_entries_of_those_it_shows_in_whatever_order_they_come) {
  for (const char* topic : {"z", "y", "s", "z", "s", "r", "s"}) {
    const std::string channel = std::string("d") + std::to_string(offset);
    command(channel.c_str(), std::string(R"({"mask":"v","topic":")") + topic + "\"}");
  }
  const TopicPage page = topic_page({2, ""});
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items[0].topic, "r");
  EXPECT_EQ(page.items[1].topic, "s");
  EXPECT_EQ(page.items[1].entries, 3u);
  EXPECT_EQ(page.next, "s");
  EXPECT_EQ(topic_page({10, "s"}).next, "");
}

TEST(EntryFilter, a_host_is_meant_with_its_port_or_with_every_port) {
  EXPECT_TRUE(is_at_host("10.0.0.1:5064", "10.0.0.1:5064"));
  EXPECT_TRUE(is_at_host("10.0.0.1:5064", "10.0.0.1"));
  EXPECT_FALSE(is_at_host("10.0.0.1:5064", "10.0.0.1:5065"));
  EXPECT_FALSE(is_at_host("10.0.0.12:5064", "10.0.0.1"));
  EXPECT_FALSE(is_at_host("", ""));
}

TEST_F(BoardTest, topics_are_summed_over_their_entries_and_come_in_pages) {
  command("d", R"({"topic":"s","mask":"v"})");
  config.output.topic_prefix = "shadow.";
  fleet.greet(Slot{0});
  fleet.greet(Slot{1});
  connect("a");
  for (const char* channel : {"a", "b"}) {
    const Place place = *shares.place(commands.find("t", channel)->id);
    fleet.ledger_of(place.slot).line(place.index).ca.appended = 5;
    fleet.ledger_of(place.slot).line(place.index).publisher.acknowledged = 2;
  }
  const Place c = *shares.place(commands.find("t", "c")->id);
  fleet.ledger_of(c.slot).line(c.index).publisher.blocked = ledger::Blocked::no_leader;
  TopicPage page = topic_page({1, ""});
  ASSERT_EQ(page.items.size(), 1u);
  EXPECT_EQ(page.items[0].topic, "s");
  EXPECT_EQ(page.items[0].kafka_name, "shadow.s");
  page = topic_page({1, page.next});
  ASSERT_EQ(page.items.size(), 1u);
  EXPECT_EQ(page.next, "");
  const TopicView& t = page.items[0];
  EXPECT_EQ(t.topic, "t");
  EXPECT_EQ(t.entries, 3u);
  EXPECT_EQ(t.connected, 1u);
  EXPECT_EQ(t.events.received, 10u);
  EXPECT_EQ(t.events.waiting, 6u);
  EXPECT_EQ(t.blocked, ledger::Blocked::no_leader);
  EXPECT_EQ(t.blocked_entries, 1u);
}

TEST_F(BoardTest, topics_are_told_once_each_with_the_prefix_and_no_more_than_asked_for) {
  command("d", R"({"topic":"s","mask":"v"})");
  EXPECT_EQ(topics(10), (std::vector<std::string>{"s", "t"}));
  EXPECT_EQ(topics(1).size(), 1u);
  config.output.topic_prefix = "shadow.";
  EXPECT_EQ(topics(10), (std::vector<std::string>{"shadow.s", "shadow.t"}));
}

TEST_F(BoardTest, events_are_summed_over_slots_and_an_entry_whose_worker_is_gone_says_so) {
  fleet.greet(Slot{0});
  fleet.greet(Slot{1});
  fleet.ledger_of(Slot{0}).header().appended = 5;
  fleet.ledger_of(Slot{1}).header().appended = 4;
  fleet.ledger_of(Slot{1}).header().acknowledged = 1;
  EXPECT_EQ(board.status().events.received, 9u);
  EXPECT_EQ(board.status().events.waiting, 8u);
  fleet.die(*shares.owner(commands.find("t", "a")->id));
  const auto views = board.entries_of("a");
  ASSERT_EQ(views.size(), 1u);
  EXPECT_EQ(views[0].reason, "worker " + std::to_string(views[0].worker->value) +
                                 " is down (signal 9 (SIGKILL)) and about to be started again");
}

TEST_F(BoardTest, an_entry_of_a_worker_that_has_failed_never_reads_as_being_started) {
  fleet.greet(Slot{0});
  fleet.greet(Slot{1});
  const Slot slot = *shares.owner(commands.find("t", "a")->id);
  fleet.die(slot, 78 << 8);
  fleet.state_of(slot).phase = SlotPhase::failed;
  const std::string reason = board.entries_of("a").front().reason;
  EXPECT_EQ(reason.find("being started"), std::string::npos) << reason;
  for (const char* word : {"has failed", "exit 78", "epics2kafkactl restart"})
    EXPECT_NE(reason.find(word), std::string::npos) << reason;
}

}  // namespace
}  // namespace e2k::supervisor
