#include "supervisor/ctl/topic_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace e2k::supervisor::ctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Standing = TopicPicture::Listed::Standing;

constexpr const char* kJsonKey = R"({"topic":"t","channel":"c"})";

// Records of partition 0 in order, from offset 0.
TopicPicture picture(
    const std::vector<std::pair<std::optional<std::string>, std::optional<std::string>>>& records) {
  std::vector<TopicRecord> read;
  for (const auto& [key, value] : records) read.push_back({0, static_cast<int64_t>(read.size()), key, value});
  return TopicPicture(std::move(read), "commands");
}
EntrySpec entry(const char* topic, const char* channel, uint8_t mask = 1) {
  return {topic, channel, Mask{mask}, ""};
}
SetCommand wanted(const EntrySpec& spec) {
  return {spec, KeyForm::json};
}

TEST(TopicPicture, tells_what_stands_and_what_every_record_is_worth) {
  const auto topic = picture({{"c", R"({"topic":"t","mask":"v"})"},
                              {"c", R"({"topic":"t","mask":"a"})"},
                              {"c", R"({"topic":"t","mask":"x"})"},
                              {"d", R"({"topic":"t","mask":"v"})"},
                              {"d", std::nullopt},
                              {std::nullopt, "x"}});
  ASSERT_EQ(topic.entries().size(), 1u);
  EXPECT_EQ(topic.entries()[0].spec, entry("t", "c", 4));
  std::vector<Standing> standings;
  for (const auto& listed : topic.all()) standings.push_back(listed.standing);
  EXPECT_THAT(standings, ElementsAre(Standing::superseded, Standing::effective, Standing::bad,
                                     Standing::superseded, Standing::removed, Standing::bad));
}

TEST(TopicPicture, knows_the_form_that_most_keys_have) {
  EXPECT_EQ(picture({}).form(), std::nullopt);
  EXPECT_EQ(picture({{"c", R"({"topic":"t","mask":"v"})"}}).form(), KeyForm::plain);
  EXPECT_EQ(picture({{kJsonKey, R"({"mask":"v"})"}, {"d", std::nullopt}}).form(), KeyForm::json);
}

TEST(TopicPicture, writes_a_standing_entry_under_the_key_that_it_has) {
  const std::string odd = R"({ "channel":"c","topic":"t" })";
  EXPECT_EQ(picture({{odd, R"({"mask":"v"})"}}).write_of(entry("t", "c", 4), KeyForm::plain),
            (TopicWrite{odd, R"({"mask":"a"})", 0}));
  EXPECT_EQ(picture({{"c", R"({"topic":"t","mask":"v"})"}}).write_of(entry("t", "c", 4), KeyForm::json),
            (TopicWrite{"c", R"({"topic":"t","mask":"a"})", 0}));
}

TEST(TopicPicture, writes_a_new_entry_so_that_it_replaces_no_other) {
  const auto topic = picture({{"c", R"({"topic":"u","mask":"v"})"}});
  EXPECT_EQ(topic.write_of(entry("t", "c"), KeyForm::plain), (TopicWrite{kJsonKey, R"({"mask":"v"})", {}}));
  EXPECT_EQ(topic.write_of(entry("t", "d"), KeyForm::plain),
            (TopicWrite{"d", R"({"topic":"t","mask":"v"})", {}}));
}

TEST(TopicPicture, ends_every_live_key_of_a_channel) {
  const auto topic = picture({{"c", R"({"topic":"t","mask":"v"})"},
                              {kJsonKey, R"({"mask":"v"})"},
                              {R"({"topic":"u","channel":"c"})", R"({"mask":"v"})"},
                              {"d", R"({"topic":"t","mask":"v"})"},
                              {R"({"topic":"gone","channel":"c"})", std::nullopt}});
  EXPECT_EQ(topic.tombstones("c", std::nullopt).size(), 3u);
  EXPECT_THAT(topic.tombstones("c", "t"),
              UnorderedElementsAre(TopicWrite{"c", std::nullopt, 0}, TopicWrite{kJsonKey, std::nullopt, 0}));
  EXPECT_THAT(topic.tombstones("nobody", std::nullopt), IsEmpty());
}

TEST(TopicPicture, ends_keys_whose_last_record_is_bad_too) {
  const auto topic = picture({{kJsonKey, "no json"}, {"c", "no json"}});
  EXPECT_EQ(topic.tombstones("c", std::nullopt).size(), 2u);
  EXPECT_THAT(topic.tombstones("c", "t"), ElementsAre(TopicWrite{kJsonKey, std::nullopt, 0}));
}

TEST(Difference, tells_added_changed_and_unchanged_and_removes_only_when_asked) {
  const auto topic = picture({{"same", R"({"topic":"t","mask":"v"})"},
                              {"other", R"({"topic":"t","mask":"v"})"},
                              {"gone", R"({"topic":"t","mask":"v"})"}});
  const std::vector<SetCommand> want{wanted(entry("t", "same")), wanted(entry("t", "other", 4)),
                                     wanted(entry("t", "new"))};
  const auto kept = difference(topic, want, KeyForm::plain, false);
  EXPECT_THAT(kept.added, ElementsAre(entry("t", "new")));
  ASSERT_EQ(kept.changed.size(), 1u);
  EXPECT_EQ(kept.changed[0].before, entry("t", "other"));
  EXPECT_EQ(kept.unchanged, 1u);
  EXPECT_THAT(kept.removed, IsEmpty());
  EXPECT_EQ(kept.writes.size(), 2u);
  const auto pruned = difference(topic, want, KeyForm::plain, true);
  EXPECT_THAT(pruned.removed, ElementsAre(entry("t", "gone")));
  EXPECT_THAT(pruned.deletes, ElementsAre(TopicWrite{"gone", std::nullopt, 0}));
}

// Minutes, if every removal looked at every key.
TEST(Difference, removes_fifty_thousand_entries_in_seconds) {
  std::vector<TopicRecord> records;
  for (int i = 0; i < 50'000; ++i) {
    const EntrySpec spec{"t", "c" + std::to_string(i), Mask{1}, ""};
    records.push_back({0, i, command_key(spec, KeyForm::json), command_value(spec, KeyForm::json)});
  }
  const TopicPicture held(std::move(records), "commands");
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(difference(held, {}, KeyForm::json, true).deletes.size(), 50'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
}

TEST(Difference, gives_two_topics_of_one_channel_two_keys) {
  const auto both =
      difference(picture({}), {wanted(entry("t", "c")), wanted(entry("u", "c"))}, KeyForm::plain, false);
  ASSERT_EQ(both.writes.size(), 2u);
  EXPECT_EQ(both.writes[0].key, "c");
  EXPECT_EQ(both.writes[1].key, R"({"topic":"u","channel":"c"})");
}

}  // namespace
}  // namespace e2k::supervisor::ctl
