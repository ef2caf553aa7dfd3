#include "supervisor/topic_rule.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

TEST(TopicRule, allows_what_one_expression_matches_wholly) {
  const auto rule = make_topic_rule({"bpm\\..*", "rf"}, "", "epics-channels");
  EXPECT_FALSE(rule("bpm.x"));
  EXPECT_FALSE(rule("rf"));
  EXPECT_TRUE(rule("rf2"));
  EXPECT_TRUE(rule("my-bpm.x"));
}

// A matcher that goes back over what it tried would not come to an end.
TEST(TopicRule, decides_at_once_whatever_the_name) {
  const auto rule = make_topic_rule({"(a+)+b", "(.*.*.*)*x"}, "", "epics-channels");
  EXPECT_TRUE(rule(std::string(248, 'a')));
  EXPECT_FALSE(rule(std::string(247, 'a') + 'b'));
}

TEST(TopicRule, never_allows_the_command_topic_or_reserved_names) {
  const auto rule = make_topic_rule({".*"}, "", "epics-channels");
  EXPECT_TRUE(rule("epics-channels"));
  EXPECT_TRUE(rule("__consumer_offsets"));
  EXPECT_TRUE(rule("connect-configs"));
  EXPECT_TRUE(rule("epics2kafka-shards"));
  EXPECT_FALSE(rule("channels"));
}

TEST(TopicRule, judges_the_name_with_its_prefix_too) {
  const auto rule = make_topic_rule({".*"}, "epics-", "epics-channels");
  EXPECT_TRUE(rule("channels"));
  EXPECT_TRUE(rule(std::string(249, 'a')));
  EXPECT_FALSE(rule("others"));
}

}  // namespace
}  // namespace e2k::supervisor
