#include "supervisor/commands/command_state.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "proto/ledger_format.h"

namespace e2k::supervisor {
namespace {

struct CommandStateTest : testing::Test {
  std::vector<Change> apply(std::optional<std::string_view> key, std::optional<std::string_view> value) {
    return apply_at(offset++, key, value);
  }
  std::vector<Change> apply_at(int64_t at, std::optional<std::string_view> key,
                               std::optional<std::string_view> value) {
    std::vector<Change> changes;
    state.apply(0, at, 1000 + at, key, value, changes);
    return changes;
  }
  static std::optional<std::string> allow(std::string_view topic) {
    if (topic == "forbidden") return "topic forbidden is not allowed";
    return std::nullopt;
  }
  CommandState state{allow, 100};
  int64_t offset = 0;
};

constexpr const char* kJsonKey = R"({"topic":"t","channel":"c"})";

TEST_F(CommandStateTest, a_set_adds_and_a_tombstone_removes) {
  auto changes = apply("c", R"({"topic":"t","mask":"va"})");
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, Change::Kind::added);
  EXPECT_EQ(state.find(changes[0].id)->channel, "c");
  changes = apply("c", std::nullopt);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, Change::Kind::removed);
  EXPECT_EQ(state.size(), 0u);
  EXPECT_TRUE(apply("c", std::nullopt).empty());
}

TEST_F(CommandStateTest, the_latest_of_two_keys_of_one_identity_counts) {
  apply("c", R"({"topic":"t","mask":"v"})");
  apply(kJsonKey, R"({"mask":"a"})");
  EXPECT_EQ(state.size(), 1u);
  EXPECT_EQ(state.keys(), 2u);
  EXPECT_EQ(to_letters(state.find("t", "c")->mask), "a");
}

TEST_F(CommandStateTest, a_tombstone_ends_its_own_key_only) {
  apply("c", R"({"topic":"t","mask":"v"})");
  apply(kJsonKey, R"({"mask":"a"})");
  auto changes = apply(kJsonKey, std::nullopt);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, Change::Kind::changed);
  EXPECT_EQ(to_letters(state.find("t", "c")->mask), "v");
  apply(kJsonKey, R"({"mask":"l"})");
  EXPECT_TRUE(apply("c", std::nullopt).empty());  // the runner-up went: nothing changes
  EXPECT_EQ(to_letters(state.find("t", "c")->mask), "l");
}

TEST_F(CommandStateTest, a_tombstone_that_spells_an_entrys_key_otherwise_is_rejected_with_the_right_key) {
  apply(kJsonKey, R"({"mask":"v"})");
  for (const char* other : {R"({"channel":"c","topic":"t"})", R"({"topic": "t", "channel": "c"})"}) {
    const uint64_t before = state.rejected_total();
    EXPECT_TRUE(apply(other, std::nullopt).empty());
    ASSERT_EQ(state.rejected_total(), before + 1) << other;
    EXPECT_EQ(state.rejections().back().key, other);
    EXPECT_NE(state.rejections().back().reason.find(kJsonKey), std::string::npos);
    EXPECT_NE(state.rejections().back().reason.find("unset -c c -t t"), std::string::npos);
  }
  EXPECT_EQ(state.size(), 1u);
  apply("d", R"({"topic":"t","mask":"v"})");
  apply(R"({"topic":"t","channel":"d"})", std::nullopt);
  EXPECT_NE(state.rejections().back().reason.find("under the key d,"), std::string::npos);
}

TEST_F(CommandStateTest, tombstones_that_mean_nothing_that_stands_are_no_mistake) {
  apply(kJsonKey, std::nullopt);  // as compaction leaves it
  apply(kJsonKey, R"({"mask":"v"})");
  apply(R"({"topic":"u","channel":"c"})", std::nullopt);
  apply("c", std::nullopt);  // of a plain key the topic is not known
  apply(kJsonKey, std::nullopt);
  apply(R"({"channel":"c","topic":"t"})", std::nullopt);
  EXPECT_EQ(state.rejected_total(), 0u);
}

TEST_F(CommandStateTest, a_tombstone_from_before_the_entry_that_a_snapshot_brought_is_no_mistake) {
  state.restore({kJsonKey, {"t", "c", *parse_mask("v"), ""}, KeyForm::json, 0, 7, false, false});
  EXPECT_TRUE(apply_at(5, R"({"channel":"c","topic":"t"})", std::nullopt).empty());
  EXPECT_EQ(state.rejected_total(), 0u);
  apply_at(7, kJsonKey, R"({"mask":"v"})");
  apply_at(8, R"({"channel":"c","topic":"t"})", std::nullopt);
  EXPECT_EQ(state.rejected_total(), 1u);
}

TEST_F(CommandStateTest, a_plain_key_that_changes_its_topic_removes_one_entry_and_adds_another) {
  apply("c", R"({"topic":"t1","mask":"v"})");
  auto changes = apply("c", R"({"topic":"t2","mask":"v"})");
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].kind, Change::Kind::removed);
  EXPECT_EQ(changes[1].kind, Change::Kind::added);
  EXPECT_FALSE(state.find("t1", "c"));
  EXPECT_TRUE(state.find("t2", "c"));
}

TEST_F(CommandStateTest, one_channel_may_feed_several_topics) {
  apply(R"({"topic":"b","channel":"c"})", R"({"mask":"v"})");
  apply(R"({"topic":"a","channel":"c"})", R"({"mask":"v"})");
  const auto entries = state.of_channel("c");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].topic, "a");
  EXPECT_EQ(entries[1].topic, "b");
}

TEST_F(CommandStateTest, keys_that_spell_one_identity_differently_are_different_keys) {
  apply(kJsonKey, R"({"mask":"v"})");
  apply(R"({ "channel" : "c", "topic" : "t" })", R"({"mask":"a"})");
  EXPECT_EQ(state.keys(), 2u);
  EXPECT_EQ(state.size(), 1u);
  apply(R"({ "channel" : "c", "topic" : "t" })", std::nullopt);
  EXPECT_EQ(to_letters(state.find("t", "c")->mask), "v");
}

TEST_F(CommandStateTest, a_bad_record_is_counted_and_changes_nothing) {
  apply("c", R"({"topic":"t","mask":"v"})");
  EXPECT_TRUE(apply("c", "no json").empty());
  EXPECT_TRUE(apply("c", R"({"topic":"forbidden","mask":"v"})").empty());
  EXPECT_EQ(to_letters(state.find("t", "c")->mask), "v");
  EXPECT_EQ(state.rejected_total(), 2u);
  ASSERT_EQ(state.rejections().size(), 1u) << "the last one of the key stands";
  EXPECT_EQ(state.rejections()[0].offset, 2);
  EXPECT_NE(state.rejections()[0].reason.find("forbidden"), std::string::npos);
}

TEST_F(CommandStateTest, a_rejected_record_stands_until_its_key_is_repaired_or_ended) {
  apply("a", "no json");
  apply("b", "no json");
  apply(std::nullopt, "{}");
  ASSERT_EQ(state.rejections().size(), 3u);
  apply("a", R"({"topic":"t","mask":"v"})");
  apply("b", std::nullopt);
  ASSERT_EQ(state.rejections().size(), 1u);
  EXPECT_EQ(state.rejections()[0].key, "");
  EXPECT_EQ(state.rejected_total(), 3u);
}

TEST_F(CommandStateTest, a_command_from_before_it_repairs_no_rejected_record) {
  apply_at(7, "a", "no json");
  apply_at(5, "a", R"({"topic":"t","mask":"v"})");
  EXPECT_EQ(state.rejections().size(), 1u);
}

TEST_F(CommandStateTest, a_tombstone_that_misses_an_entry_stands_until_that_entry_is_gone) {
  apply(kJsonKey, R"({"mask":"v"})");
  apply(R"({"channel":"c","topic":"t"})", std::nullopt);
  ASSERT_EQ(state.rejections().size(), 1u);
  apply(kJsonKey, std::nullopt);
  EXPECT_TRUE(state.rejections().empty());
}

// Two partitions: each record with its time stamp.
struct SplitKeyTest : CommandStateTest {
  SplitKeyTest() { state.read_log(0, true); }
  void set(int32_t partition, int64_t at, int64_t timestamp_ms, const char* mask) {
    std::vector<Change> changes;
    const std::string value = std::string(R"({"topic":"t","mask":")") + mask + "\"}";
    state.apply(partition, at, timestamp_ms, "c", value, changes);
  }
  void unset(int32_t partition, int64_t at, int64_t timestamp_ms) {
    std::vector<Change> changes;
    state.apply(partition, at, timestamp_ms, "c", std::nullopt, changes);
  }
  std::string mask() {
    const auto entry = state.find("t", "c");
    return entry ? std::string(to_letters(entry->mask)) : "";
  }
};

TEST_F(SplitKeyTest, the_later_command_counts_in_whatever_order_partitions_are_read) {
  set(0, 10, 2000, "v");
  set(1, 0, 1000, "a");
  EXPECT_EQ(mask(), "v");
  EXPECT_EQ(state.split_keys(), 1u);
  EXPECT_EQ(state.split_example()->key, "c");
  EXPECT_EQ(state.split_example()->partitions, (std::vector<int32_t>{0, 1}));
  set(1, 1, 3000, "l");
  EXPECT_EQ(mask(), "l");
}

TEST_F(SplitKeyTest, a_tombstone_ends_no_later_command_of_another_partition) {
  set(1, 0, 3000, "v");
  unset(0, 10, 2000);
  EXPECT_EQ(mask(), "v");
  EXPECT_EQ(state.split_keys(), 0u);
}

TEST_F(SplitKeyTest, a_later_tombstone_of_another_partition_ends_the_key_in_whatever_order_they_are_read) {
  set(0, 10, 2000, "v");
  unset(1, 0, 3000);
  EXPECT_EQ(mask(), "");
  unset(1, 1, 9000);
  set(0, 11, 8000, "a");
  EXPECT_EQ(mask(), "") << "the tombstone is the later one";
}

TEST_F(SplitKeyTest, of_equal_time_stamps_the_higher_partition_counts) {
  set(1, 0, 1000, "a");
  set(0, 10, 1000, "v");
  EXPECT_EQ(mask(), "a");
}

TEST_F(SplitKeyTest, a_key_that_is_ended_where_it_is_older_is_split_no_longer) {
  set(0, 0, 1000, "a");
  set(1, 0, 2000, "v");
  EXPECT_EQ(state.split_keys(), 1u);
  unset(0, 1, 3000);
  EXPECT_EQ(state.split_keys(), 0u);
}

TEST_F(CommandStateTest, what_a_log_says_that_was_made_anew_counts_before_what_stood_in_the_former) {
  apply_at(100, "c", R"({"topic":"t","mask":"v"})");
  state.read_log(1, false);
  apply_at(0, kJsonKey, R"({"mask":"a"})");
  EXPECT_EQ(to_letters(state.find("t", "c")->mask), "a");
}

TEST_F(CommandStateTest, no_more_than_max_channels_are_taken_and_the_remedy_is_named) {
  for (int i = 0; i < 101; ++i) apply("c" + std::to_string(i), R"({"topic":"t","mask":"v"})");
  EXPECT_EQ(state.size(), 100u);
  EXPECT_NE(state.rejections().back().reason.find("commands.max_channels"), std::string::npos);
  EXPECT_FALSE(apply("c5", R"({"topic":"t","mask":"a"})").empty());
}

TEST_F(CommandStateTest, what_was_reported_lives_until_the_command_is_renewed) {
  const auto id = apply("c", R"({"topic":"t","mask":"v"})")[0].id;
  EXPECT_TRUE(state.learn(id, ledger::kNeverConnectedPublished));
  EXPECT_TRUE(state.learn(id, ledger::kWasConnected | ledger::kDisconnectedPublished));
  EXPECT_TRUE(state.find(id)->never_connected_published);
  EXPECT_TRUE(state.find(id)->disconnected_published);
  apply("c", R"({"topic":"t","mask":"v"})");
  EXPECT_FALSE(state.find("t", "c")->never_connected_published);
  EXPECT_FALSE(state.find("t", "c")->was_connected);
  EXPECT_FALSE(state.find("t", "c")->disconnected_published);
}

TEST_F(CommandStateTest, that_disconnected_was_published_ends_with_the_next_connection) {
  const auto id = apply("c", R"({"topic":"t","mask":"v"})")[0].id;
  EXPECT_TRUE(state.learn(id, ledger::kWasConnected));
  EXPECT_FALSE(state.learn(id, ledger::kWasConnected)) << "no news";
  EXPECT_TRUE(state.learn(id, ledger::kWasConnected | ledger::kDisconnectedPublished));
  EXPECT_TRUE(state.find(id)->disconnected_published);
  EXPECT_TRUE(state.learn(id, ledger::kWasConnected));
  EXPECT_FALSE(state.find(id)->disconnected_published);
  EXPECT_TRUE(state.find(id)->was_connected);
}

TEST_F(CommandStateTest, a_line_that_its_worker_has_not_filled_in_takes_nothing_back) {
  const auto id = apply("c", R"({"topic":"t","mask":"v"})")[0].id;
  state.learn(id, ledger::kWasConnected | ledger::kDisconnectedPublished);
  EXPECT_FALSE(state.learn(id, 0));
  EXPECT_TRUE(state.find(id)->was_connected);
  EXPECT_TRUE(state.find(id)->disconnected_published);
}

TEST_F(CommandStateTest, the_same_record_once_more_keeps_what_the_snapshot_knew_to_be_reported) {
  CommandState::LiveKey key{"c", {"t", "c", *parse_mask("v"), ""}, KeyForm::plain, 0, 7, true, true, true};
  state.restore(key);
  apply_at(7, "c", R"({"topic":"t","mask":"v"})");
  EXPECT_TRUE(state.find("t", "c")->never_connected_published);
  EXPECT_TRUE(state.find("t", "c")->was_connected);
  EXPECT_TRUE(state.find("t", "c")->disconnected_published);
  std::vector<CommandState::LiveKey> kept;
  state.visit_keys([&](const CommandState::LiveKey& live) { kept.push_back(live); });
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0].disconnected_published);
}

TEST_F(CommandStateTest, a_record_by_which_its_key_stands_is_known_and_nothing_like_it_is) {
  state.restore({"c", {"t", "c", *parse_mask("v"), ""}, KeyForm::plain, 0, 7, true, true, true});
  using Standing = CommandState::Standing;
  const auto look = [&](int64_t offset, std::string_view key, std::optional<std::string_view> value,
                        int32_t partition = 0) {
    return state.look({partition, offset, 5, key, value});
  };
  constexpr const char* kSame = R"({"topic":"t","mask":"v"})";
  EXPECT_EQ(look(8, "c", kSame), Standing::news);
  EXPECT_EQ(look(7, "c", kSame, 1), Standing::news);
  EXPECT_EQ(look(7, "c", R"({"topic":"t","mask":"a"})"), Standing::news) << "the log lost its end and grew";
  EXPECT_EQ(look(7, "c", std::nullopt), Standing::news);
  EXPECT_EQ(look(7, "d", kSame), Standing::news);
  EXPECT_EQ(look(7, "c", "no json"), Standing::refused);
  EXPECT_EQ(look(7, "c", kSame), Standing::stands);
  std::vector<Change> changes;
  state.begin_retiring();
  EXPECT_TRUE(state.retire_unseen(1'000'000, true, changes));
  EXPECT_TRUE(changes.empty()) << "that it was read is noted";
}

TEST_F(CommandStateTest, a_key_that_the_topic_lost_gives_way_to_one_of_the_same_entry_that_it_holds) {
  state.restore({"c", {"t", "c", *parse_mask("v"), ""}, KeyForm::plain, 0, 7, false, false});
  state.restore({R"({"topic":"t","channel":"c"})",
                 {"t", "c", *parse_mask("a"), ""},
                 KeyForm::json,
                 0,
                 9,
                 false,
                 false});
  EXPECT_EQ(state.find("t", "c")->mask, *parse_mask("a"));
  EXPECT_EQ(state.look({0, 7, 5, "c", R"({"topic":"t","mask":"v"})"}), CommandState::Standing::stands);
  std::vector<Change> changes;
  state.begin_retiring();
  EXPECT_TRUE(state.retire_unseen(1'000'000, false, changes));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, Change::Kind::changed);
  EXPECT_EQ(state.find("t", "c")->mask, *parse_mask("v"));
}

TEST_F(CommandStateTest, restored_keys_that_the_topic_no_longer_holds_are_retired) {
  state.restore({"gone", {"t", "gone", *parse_mask("v"), ""}, KeyForm::plain, 0, 1, false, false});
  state.restore({"spoilt", {"t", "spoilt", *parse_mask("v"), ""}, KeyForm::plain, 0, 2, false, false});
  state.restore({"kept", {"t", "kept", *parse_mask("v"), ""}, KeyForm::plain, 0, 3, false, false});
  apply_at(3, "kept", R"({"topic":"t","mask":"v"})");
  apply_at(4, "spoilt", "no json");  // its predecessor lives on in the snapshot
  std::vector<Change> changes;
  state.begin_retiring();
  EXPECT_TRUE(state.retire_unseen(1'000'000, true, changes));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(state.find("t", "gone"));
  EXPECT_TRUE(state.find("t", "spoilt"));
  EXPECT_TRUE(state.find("t", "kept"));
}

TEST_F(CommandStateTest, live_keys_are_told_as_they_were_written) {
  const std::string odd = R"({ "channel":"c","topic":"t" })";
  apply(odd, R"({"mask":"v","outkey":"k"})");
  apply("plain", R"({"topic":"t","mask":"v"})");
  std::map<std::string, EntrySpec> keys;
  state.visit_keys([&](const CommandState::LiveKey& key) { keys[key.raw_key] = key.entry; });
  EXPECT_EQ(keys.at(odd), (EntrySpec{"t", "c", *parse_mask("v"), "k"}));
  EXPECT_EQ(keys.at("plain"), (EntrySpec{"t", "plain", *parse_mask("v"), ""}));
}

// What a walk in slices gives, with what its end names put right.
std::set<std::string> walked(CommandState& state, const std::function<void()>& between) {
  std::set<std::string> keys;
  state.begin_walk();
  while (true) {
    const auto walk = state.walk(10, [&](const CommandState::LiveKey& key) { keys.insert(key.raw_key); });
    if (walk == CommandState::Walk::done) break;
    if (walk == CommandState::Walk::begins_anew) keys.clear();
    between();
  }
  for (const std::string& raw : state.end_walk()) {
    if (state.find_key(raw)) {
      keys.insert(raw);
    } else {
      keys.erase(raw);
    }
  }
  return keys;
}

TEST_F(CommandStateTest, a_walk_in_slices_gives_what_stands_at_its_end_whatever_changes_in_between) {
  CommandState state{allow, 10'000};
  int64_t at = 0;
  const auto set = [&](int i) {
    std::vector<Change> changes;
    state.apply(0, at++, 0, "c" + std::to_string(i), R"({"topic":"t","mask":"v"})", changes);
  };
  const auto unset = [&](int i) {
    std::vector<Change> changes;
    state.apply(0, at++, 0, "c" + std::to_string(i), std::nullopt, changes);
  };
  for (int i = 0; i < 500; ++i) set(i);
  int next = 0;
  const auto keys = walked(state, [&] {
    if (next == 300) return;  // the table grows meanwhile
    unset(next);
    for (int i = 0; i < 5; ++i) set(1000 + 5 * next + i);
    ++next;
  });
  std::set<std::string> standing;
  state.visit_keys([&](const CommandState::LiveKey& key) { standing.insert(key.raw_key); });
  EXPECT_GT(next, 10);
  EXPECT_EQ(keys, standing);
}

}  // namespace
}  // namespace e2k::supervisor
