#include "supervisor/commands/replay.h"

#include <gtest/gtest.h>

#include <vector>

#include "supervisor/commands/command_state.h"

namespace e2k::supervisor {
namespace {

using Phase = Replay::Phase;

// A replay and the state that its records go to.
struct ReplayTest : testing::Test {
  CommandState state{[](std::string_view) { return std::nullopt; }, 1000};
  Replay replay{[this](const TopicRecord& record) { return state.look(record); }};
  std::vector<std::string> folded;  // keys, in their order
  bool ended = false;
  bool may_remove = false;

  void fold(const TopicRecord& record) {
    std::vector<Change> changes;
    state.apply(record.partition, record.offset, 0, record.key, record.value, changes);
    folded.emplace_back(record.key.value_or("-"));
  }
  void read(int64_t offset, std::optional<std::string_view> key, std::optional<std::string_view> value,
            int32_t partition = 0) {
    const TopicRecord record{partition, offset, 0, key, value};
    if (replay.take(record)) fold(record);
  }
  void command(int64_t offset, std::string_view channel, const std::string& topic = "t") {
    read(offset, channel, R"({"topic":")" + topic + R"(","mask":"v"})");
  }
  void end(int64_t offset, int32_t partition = 0) {
    if (!replay.end(partition, offset)) return;
    ended = true;
    may_remove = replay.may_remove();
    settle();
  }
  void settle() {
    while (replay.holds())
      for (const HeldRecord& held : replay.release(7)) fold(held.record());
    replay.settled();
  }
  void restore(std::map<int32_t, int64_t> next_offsets, bool lost_records, const TopicLog& log = {}) {
    replay.restore({std::move(next_offsets), log, lost_records, false});
  }
  void reading(const std::vector<int32_t>& partitions = {0}, const TopicLog& log = {}) {
    replay.reading(partitions, log);
  }
  size_t held() {
    Replay copy = replay;
    return copy.end(0, 1'000'000) ? copy.release(1'000'000).size() : 0;
  }
};

TEST_F(ReplayTest, records_count_at_once_where_there_is_nothing_to_serve) {
  reading();
  command(0, "a");
  EXPECT_EQ(replay.phase(), Phase::replaying);
  EXPECT_FALSE(replay.serving());
  EXPECT_EQ(state.size(), 1u);
  end(1);
  EXPECT_TRUE(ended);
  EXPECT_TRUE(replay.live());
  EXPECT_TRUE(replay.serving());
  EXPECT_EQ(replay.kept(), (std::map<int32_t, int64_t>{{0, 1}}));
}

TEST_F(ReplayTest, over_a_restored_state_nothing_counts_before_the_end_and_then_all_does_in_its_order) {
  restore({{0, 2}}, false);
  reading();
  for (int i = 0; i < 100; ++i) command(i, "c" + std::to_string(i));
  EXPECT_EQ(replay.phase(), Phase::replaying_over);
  EXPECT_TRUE(folded.empty());
  EXPECT_EQ(replay.kept(), (std::map<int32_t, int64_t>{{0, 2}}));
  end(100);
  ASSERT_EQ(folded.size(), 100u);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(folded[i], "c" + std::to_string(i));
  EXPECT_TRUE(may_remove);
  EXPECT_EQ(replay.kept(), (std::map<int32_t, int64_t>{{0, 100}}));
  command(100, "live");
  EXPECT_EQ(folded.back(), "live");
}

TEST_F(ReplayTest, the_last_command_of_a_key_is_held_and_not_the_whole_topic) {
  restore({}, false);
  reading();
  for (int i = 0; i < 1000; ++i) {
    command(3 * i, "a", "t" + std::to_string(i));
    command(3 * i + 1, "b");
    read(3 * i + 2, "b", std::nullopt);
  }
  EXPECT_EQ(held(), 2u);
  end(3000);
  ASSERT_EQ(state.size(), 1u);
  EXPECT_EQ(state.of_channel("a").at(0).topic, "t999");
  EXPECT_EQ(state.of_channel("a").at(0).offset, 2997);
}

TEST_F(ReplayTest, a_refused_record_is_told_at_once_and_takes_the_place_of_no_command) {
  restore({}, false);
  reading();
  command(0, "a");
  read(1, "a", "no command");
  read(2, std::nullopt, "{}");
  EXPECT_EQ(state.rejected_total(), 2u);
  EXPECT_EQ(state.size(), 0u);
  end(3);
  EXPECT_EQ(state.size(), 1u);
  EXPECT_EQ(state.rejected_total(), 2u);
}

TEST_F(ReplayTest, the_end_is_that_of_every_partition) {
  reading({0, 1});
  end(0, 1);
  end(0, 1);
  EXPECT_FALSE(ended);
  end(0, 0);
  EXPECT_TRUE(ended);
  ended = false;
  reading({0, 1, 2});  // one that is added to a topic that is live
  read(0, "late", std::nullopt, 2);
  EXPECT_EQ(folded.back(), "late");
  end(1, 2);
  EXPECT_FALSE(ended);
}

TEST_F(ReplayTest, what_was_restored_is_served_once_the_end_takes_too_long) {
  EXPECT_FALSE(replay.serve_restored()) << "nothing was restored";
  EXPECT_FALSE(replay.serving());
  restore({}, false);
  EXPECT_TRUE(replay.serve_restored());
  EXPECT_TRUE(replay.serving());
  EXPECT_FALSE(replay.live());
  EXPECT_FALSE(replay.serve_restored()) << "it is served already";
}

TEST_F(ReplayTest, a_topic_that_ends_before_what_the_snapshot_knew_removes_nothing) {
  restore({{0, 10}}, false);
  reading();
  command(0, "a");
  end(1);
  EXPECT_TRUE(replay.has_lost_records());
  EXPECT_EQ(replay.lost_records(), "partition 0 once ended at offset 10");
  EXPECT_FALSE(may_remove);
  EXPECT_EQ(state.size(), 1u) << "what it holds is followed";
}

TEST_F(ReplayTest, a_topic_that_lacks_a_partition_of_before_removes_nothing) {
  restore({{0, 1}, {1, 5}}, false);
  reading();
  end(1);
  EXPECT_EQ(replay.lost_records(), "partition 1 once ended at offset 5");
  EXPECT_FALSE(may_remove);
}

TEST_F(ReplayTest, what_an_earlier_run_saw_lost_is_lost_however_long_the_topic_is) {
  restore({{0, 1}}, true);
  reading();
  end(100);
  EXPECT_TRUE(replay.has_lost_records());
  EXPECT_FALSE(may_remove);
}

TEST_F(ReplayTest, a_live_topic_that_goes_back_has_lost_records) {
  reading();
  end(5);
  end(5);
  EXPECT_FALSE(replay.has_lost_records());
  command(3, "a");
  EXPECT_EQ(replay.lost_records(), "partition 0 goes on at offset 3 after 5");
}

TEST_F(ReplayTest, a_live_topic_that_goes_back_is_replayed_as_a_whole_and_not_record_by_record) {
  reading({0, 1});
  command(0, "a");
  command(1, "b");
  end(2);
  end(0, 1);
  ASSERT_TRUE(replay.live());
  const uint64_t before = replay.log_number();
  read(0, "a", std::nullopt);  // it is in the log still, and a command behind it may be, too
  EXPECT_EQ(state.size(), 2u);
  EXPECT_EQ(replay.phase(), Phase::replaying_over);
  EXPECT_NE(replay.log_number(), before);
  command(1, "a", "u");
  end(2);
  EXPECT_TRUE(replay.live());
  EXPECT_EQ(state.of_channel("a").at(0).topic, "u");
  EXPECT_EQ(state.size(), 2u) << "nothing is removed on its word";
}

TEST_F(ReplayTest, a_topic_with_another_id_was_made_anew_however_long_it_is) {
  restore({{0, 2}}, false, {"first", {{0, 0}}});
  reading({0}, {"second", {{0, 0}}});
  for (int i = 0; i < 100; ++i) command(i, "c" + std::to_string(i));
  end(100);
  EXPECT_EQ(replay.renewed(), "its id was first and is second");
  EXPECT_FALSE(replay.has_lost_records());
  EXPECT_FALSE(may_remove);
  EXPECT_EQ(replay.kept(), (std::map<int32_t, int64_t>{{0, 100}}));
  EXPECT_EQ(replay.log().id, "second");
}

TEST_F(ReplayTest, a_live_topic_that_is_made_anew_is_held_until_its_end) {
  reading({0}, {"first", {}});
  for (int i = 0; i < 5; ++i) command(i, "a");
  end(5);
  replay.start_over();
  reading({0}, {"second", {}});
  command(0, "b");
  EXPECT_EQ(state.size(), 1u);
  end(1);
  EXPECT_EQ(state.size(), 2u);
  EXPECT_TRUE(replay.is_renewed());
  EXPECT_FALSE(replay.has_lost_records()) << "that the former one was longer says nothing of this";
}

TEST_F(ReplayTest, a_topic_that_begins_later_than_it_did_lost_records_and_removes_nothing) {
  restore({{0, 9}}, false, {"id", {{0, 0}}});
  reading({0}, {"id", {{0, 6}}});
  command(6, "a");
  end(9);
  EXPECT_EQ(replay.lost_records(), "the records of partition 0 before offset 6 were deleted");
  EXPECT_FALSE(may_remove);
}

TEST_F(ReplayTest, a_topic_that_was_never_seen_longer_begins_where_it_begins) {
  reading({0}, {"id", {{0, 6}}});
  end(9);
  reading({0}, {"id", {{0, 6}}});
  EXPECT_FALSE(replay.has_lost_records());
  reading({0}, {"id", {{0, 7}}});
  EXPECT_TRUE(replay.has_lost_records()) << "it is seen live, too";
}

// What the snapshot says of a channel, of its record at that offset.
CommandState::LiveKey restored_key(const std::string& channel, int64_t offset) {
  return {channel, {"t", channel, *parse_mask("v"), ""}, KeyForm::plain, 0, offset, true, true, true};
}

TEST_F(ReplayTest, a_record_that_stands_is_not_held_nor_is_what_came_before_it) {
  restore({{0, 8}}, false);
  state.restore(restored_key("c", 7));
  state.restore(restored_key("d", 2));
  reading();
  command(3, "c", "other");
  read(5, "c", std::nullopt);
  command(7, "c");
  command(8, "e");
  EXPECT_EQ(held(), 1u);
  end(9);
  EXPECT_EQ(folded, std::vector<std::string>{"e"});
  EXPECT_TRUE(state.find("t", "c")->was_connected) << "what was reported of it stays reported";
  EXPECT_TRUE(state.find("t", "c")->never_connected_published);
}

TEST_F(ReplayTest, what_comes_while_it_settles_is_held_behind_the_rest) {
  restore({{0, 2}}, false);
  reading();
  for (int i = 0; i < 10; ++i) command(i, "c" + std::to_string(i));
  ASSERT_TRUE(replay.end(0, 10));
  EXPECT_TRUE(replay.settling());
  EXPECT_FALSE(replay.live());
  EXPECT_EQ(replay.release(4).size(), 4u);
  read(10, "c9", std::nullopt);
  command(11, "c1");
  EXPECT_FALSE(replay.end(0, 12)) << "it was told";
  EXPECT_TRUE(folded.empty());
  settle();
  EXPECT_EQ(folded, (std::vector<std::string>{"c4", "c5", "c6", "c7", "c8", "c9", "c1"}));
  EXPECT_FALSE(state.find("t", "c9"));
  EXPECT_EQ(replay.kept(), (std::map<int32_t, int64_t>{{0, 12}}));
  command(12, "live");
  EXPECT_EQ(folded.back(), "live");
}

TEST_F(ReplayTest, a_topic_that_is_made_anew_while_it_is_first_read_is_told_to_be_renewed) {
  reading({0}, {"first", {}});
  command(0, "a");
  replay.start_over();
  reading({0}, {"second", {}});
  command(0, "b");
  end(1);
  EXPECT_TRUE(replay.is_renewed());
  EXPECT_FALSE(may_remove);
  EXPECT_EQ(state.size(), 2u) << "what was read is not taken back";
}

TEST_F(ReplayTest, a_log_that_goes_back_while_it_settles_is_read_to_its_end_first) {
  restore({{0, 2}}, false);
  reading();
  for (int i = 0; i < 10; ++i) command(i, "c" + std::to_string(i));
  ASSERT_TRUE(replay.end(0, 10));
  command(4, "c4");
  EXPECT_FALSE(replay.settling());
  EXPECT_TRUE(replay.has_lost_records());
  EXPECT_TRUE(replay.end(0, 5));
  EXPECT_FALSE(replay.may_remove());
}

TEST_F(ReplayTest, of_a_key_in_two_partitions_the_last_command_of_each_is_held) {
  restore({}, false);
  reading({0, 1});
  command(0, "a", "old");
  read(0, "a", R"({"topic":"new","mask":"v"})", 1);
  end(1, 0);
  end(1, 1);
  EXPECT_EQ(folded, (std::vector<std::string>{"a", "a"}));
}

TEST_F(ReplayTest, a_live_topic_that_ends_earlier_has_lost_records) {
  reading();
  end(5);
  end(4);
  EXPECT_EQ(replay.lost_records(), "partition 0 ends at offset 4, not 5");
  end(3);
  EXPECT_EQ(replay.lost_records(), "partition 0 ends at offset 4, not 5") << "the first words stay";
}

TEST_F(ReplayTest, a_topic_that_came_back_is_held_until_its_end_and_removes_nothing) {
  reading();
  command(0, "a");
  end(1);
  replay.start_over();
  EXPECT_EQ(replay.phase(), Phase::replaying_over);
  EXPECT_TRUE(replay.serving());
  reading();
  command(0, "b");
  command(1, "c");
  EXPECT_EQ(state.size(), 1u);
  end(2);
  EXPECT_EQ(state.size(), 3u);
  EXPECT_FALSE(may_remove);
  EXPECT_FALSE(replay.has_lost_records());
}

TEST_F(ReplayTest, a_topic_that_came_back_shorter_has_lost_records) {
  reading();
  for (int i = 0; i < 5; ++i) command(i, "a");
  end(5);
  replay.start_over();
  reading();
  end(1);
  EXPECT_EQ(replay.lost_records(), "partition 0 once ended at offset 5");
}

TEST_F(ReplayTest, what_was_held_of_a_topic_that_vanished_is_void) {
  restore({}, false);
  reading();
  command(0, "a");
  replay.start_over();
  reading();
  command(0, "b");
  end(1);
  EXPECT_EQ(folded, std::vector<std::string>{"b"});
}

TEST_F(ReplayTest, the_offset_is_a_sum_over_partitions) {
  EXPECT_EQ(replay.offset(), -1);
  reading({0, 1});
  read(4, "a", std::nullopt, 0);
  end(3, 1);
  EXPECT_EQ(replay.offset(), 8);
}

}  // namespace
}  // namespace e2k::supervisor
