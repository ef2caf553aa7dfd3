#include "supervisor/ctl/comparison.h"

#include <gtest/gtest.h>

#include "supervisor/ctl/compare_verb.h"

namespace e2k::supervisor::ctl {
namespace {

using Records = std::vector<WindowRecord>;

// Records of one key with these values; each a millisecond and an offset after the one before it.
Records of(const std::string& key, const std::vector<std::string>& values, int64_t stamp_ms = 1000) {
  Records records;
  for (const std::string& value : values)
    records.push_back({key, value, stamp_ms + static_cast<int64_t>(records.size()), 0,
                       static_cast<int64_t>(records.size())});
  return records;
}

Records operator+(Records a, const Records& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Comparison compared(const Records& topic, const Records& shadow, bool connector = false) {
  return compare_windows(topic, shadow, connector, 10);
}

TEST(Comparison, EqualSidesAreTheSame) {
  const Records both = of("a", {"1", "2", "1"}) + of("b", {"3"});
  const Comparison c = compared(both, both);
  EXPECT_TRUE(is_same(c, false));
  EXPECT_EQ(c.same, 4u);
  EXPECT_EQ(c.common_keys, 2u);
  EXPECT_TRUE(c.differences.empty());
}

TEST(Comparison, KeysMayBeMixedInAnyWay) {
  const Records a = of("a", {"1", "2"}), b = of("b", {"1", "2"});
  EXPECT_TRUE(is_same(compared(a + b, {b[0], a[0], a[1], b[1]}), false));
}

TEST(Comparison, WhatTheShadowLacksIsNamed) {
  const Comparison c = compared(of("a", {"1", "2", "3"}), of("a", {"1", "3"}));
  EXPECT_FALSE(is_same(c, false));
  EXPECT_FALSE(is_same(c, true));
  EXPECT_EQ(c.missing_in_shadow, 1u);
  EXPECT_EQ(c.missing_in_topic, 0u);
  ASSERT_EQ(c.differences.size(), 1u);
  EXPECT_EQ(c.differences[0].missing_in, Side::shadow);
  EXPECT_EQ(c.differences[0].record.value, "2");
  EXPECT_EQ(c.differences[0].record.offset, 1);
}

TEST(Comparison, WhatTheTopicLacksIsAllowedToAConnectorOnly) {
  const Records topic = of("a", {"2", "4"}), shadow = of("a", {"1", "2", "3", "4"});
  EXPECT_FALSE(is_same(compared(topic, shadow), false));
  EXPECT_EQ(compared(topic, shadow).differences.size(), 2u);
  const Comparison c = compared(topic, shadow, true);
  EXPECT_TRUE(is_same(c, true));
  EXPECT_EQ(c.missing_in_topic, 2u);
  EXPECT_TRUE(c.differences.empty());
}

TEST(Comparison, AKeyOfOneSideAloneIsADifference) {
  const Comparison c = compared(of("a", {"1"}) + of("b", {"1"}), of("a", {"1"}) + of("c", {"1"}));
  EXPECT_EQ(c.topic_only_keys, 1u);
  EXPECT_EQ(c.shadow_only_keys, 1u);
  EXPECT_EQ(c.common_keys, 1u);
  EXPECT_FALSE(is_same(c, true));
}

TEST(Comparison, BothSidesMayLackSomething) {
  const Comparison c = compared(of("a", {"1", "2", "3", "5"}), of("a", {"1", "3", "4", "5"}));
  EXPECT_EQ(c.missing_in_shadow, 1u);
  EXPECT_EQ(c.missing_in_topic, 1u);
  EXPECT_EQ(c.same, 3u);
}

TEST(Comparison, AnotherOrderIsNotTheSame) {
  const Comparison c = compared(of("a", {"1", "2", "3"}), of("a", {"1", "3", "2"}));
  EXPECT_EQ(c.reordered_keys, 1u);
  EXPECT_EQ(c.missing_in_shadow + c.missing_in_topic, 0u);
  EXPECT_FALSE(is_same(c, true));
  ASSERT_EQ(c.differences.size(), 1u);
  EXPECT_FALSE(c.differences[0].missing_in);
}

TEST(Comparison, LongSequencesThatDifferAreCounted) {
  std::vector<std::string> topic, shadow;
  for (int i = 0; i < 5000; ++i) {
    if (i != 17) topic.push_back(std::to_string(i));
    if (i != 4000 && i != 4001) shadow.push_back(std::to_string(i));
  }
  const Comparison c = compared(of("a", topic), of("a", shadow));
  EXPECT_EQ(c.missing_in_topic, 1u);
  EXPECT_EQ(c.missing_in_shadow, 2u);
}

TEST(Comparison, ARepeatedRecordOfAConnectorDoesNotCount) {
  Records topic = of("a", {"1", "1", "2"});
  topic[1].stamp_ms = topic[0].stamp_ms;
  const Records shadow = of("a", {"1", "2"});
  EXPECT_FALSE(is_same(compared(topic, shadow), false));
  const Comparison c = compared(topic, shadow, true);
  EXPECT_TRUE(is_same(c, true));
  EXPECT_EQ(c.repeated_in_topic, 1u);
  // Another stamp is another event.
  EXPECT_FALSE(is_same(compared(of("a", {"1", "1", "2"}), shadow, true), true));
}

TEST(Comparison, JsonIsComparedByItsNumbersAndWireFormatsWithoutTheirSchemasId) {
  const auto same = [](const std::string& a, const std::string& b) {
    return is_same(compared(of("a", {a}), of("a", {b})), false);
  };
  EXPECT_TRUE(same(R"({"x":[2.0E23]})", R"({"x":[1.9999999999999998E23]})"));
  EXPECT_TRUE(same(R"({"x":[1.0E7]})", R"({"x": [10000000.0]})"));
  EXPECT_FALSE(same(R"({"x":[1.0]})", R"({"x":[1.5]})"));
  const std::string one("\0\0\0\0\1ab", 7), other("\0\0\0\0\2ab", 7), different("\0\0\0\0\1ac", 7);
  EXPECT_TRUE(same(one, other));
  EXPECT_FALSE(same(one, different));
  EXPECT_FALSE(same("1", "1.0"));
}

TEST(Comparison, ATombstoneIsNoText) {
  Records topic = of("a", {"null"}), shadow = topic;
  shadow[0].value.reset();
  EXPECT_TRUE(is_same(compared(shadow, shadow), false));
  EXPECT_FALSE(is_same(compared(topic, shadow), false));
}

TEST(Comparison, NoMoreDifferencesThanAskedForAreKept) {
  const Comparison c = compare_windows(of("a", std::vector<std::string>(50, "x")), {}, false, 3);
  EXPECT_EQ(c.missing_in_shadow, 50u);
  EXPECT_EQ(c.differences.size(), 3u);
}

TEST(Comparison, StampsOfTheWrongEpochAreMended) {
  constexpr int64_t kNow = 1'795'000'000'000;
  EXPECT_EQ(true_stamp_ms(kNow - kEpochsApartMs - 5, kNow), kNow - 5);
  EXPECT_EQ(true_stamp_ms(kNow - 5, kNow), kNow - 5);
}

TEST(CompareVerb, TimesAreReadInTwoForms) {
  EXPECT_EQ(parse_time_ms("1700000000"), 1'700'000'000'000);
  EXPECT_EQ(parse_time_ms("2023-11-14T22:13:20Z"), 1'700'000'000'000);
  for (const char* text : {"", "x", "-1", "2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z",
                           "2023-02-30T22:13:20Z", "2023-11-14T24:13:20Z", "2023-11-14T22:13:20Zx"})
    EXPECT_FALSE(parse_time_ms(text)) << text;
}

}  // namespace
}  // namespace e2k::supervisor::ctl
