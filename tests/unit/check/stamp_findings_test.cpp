#include "supervisor/check/stamp_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/check/facts_fixture.h"

namespace e2k::supervisor::check {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr double kDay = 86'400;
constexpr int64_t kHourMs = 3'600'000;

// One topic that keeps records for an hour, and a channel whose stamp is ten days old.
Facts erased_at_once() {
  Facts facts = all_well();
  facts.outputs = {topic("out1", "delete", kHourMs), topic("out2")};
  facts.stamps.oldest["out1"] = {10 * kDay, "static"};
  return facts;
}

TEST(StampFindings, warn_of_a_retention_that_is_shorter_than_a_stamps_age) {
  EXPECT_THAT(
      complaints(erased_at_once()),
      ElementsAre(AllOf(StartsWith("warning"), HasSubstr("out1"), HasSubstr("retention.ms=3600000"),
                        HasSubstr("static"), HasSubstr("10 days"), HasSubstr("output.max_past_s = 1800"))));
}

TEST(StampFindings, are_none_where_the_past_is_limited_below_the_retention) {
  Facts facts = erased_at_once();
  facts.max_past_s = 3600;
  EXPECT_THAT(complaints(facts), IsEmpty());
  facts.max_past_s = 3601;
  EXPECT_THAT(complaints(facts), SizeIs(1));
}

TEST(StampFindings, are_none_where_records_have_the_time_of_arrival) {
  Facts facts = erased_at_once();
  facts.iocs_stamps = false;
  EXPECT_THAT(complaints(facts), IsEmpty());
}

TEST(StampFindings, are_none_of_topics_that_are_kept_for_ever_or_compacted) {
  Facts facts = erased_at_once();
  facts.outputs[0].retention_ms = -1;
  EXPECT_THAT(complaints(facts), IsEmpty());
  facts.outputs[0] = topic("out1", "compact", kHourMs);
  EXPECT_THAT(complaints(facts), IsEmpty());
  facts.outputs[0] = topic("out1", "compact,delete", kHourMs);
  EXPECT_THAT(complaints(facts), SizeIs(1));
}

TEST(StampFindings, suggest_a_limit_that_suits_the_shortest_retention_of_all) {
  Facts facts = erased_at_once();
  facts.outputs.push_back(topic("short", "delete", 600'000));
  EXPECT_THAT(complaints(facts), ElementsAre(HasSubstr("output.max_past_s = 300")));
  facts.outputs.back().retention_ms = 100'000;
  EXPECT_THAT(complaints(facts), ElementsAre(testing::EndsWith("output.max_past_s = 60")));
  facts.outputs.back().retention_ms = 30'000;
  EXPECT_THAT(complaints(facts), ElementsAre(testing::EndsWith("output.max_past_s = 15")));
}

TEST(StampFindings, of_many_topics_are_five_lines_and_a_number) {
  Facts facts = erased_at_once();
  for (int i = 0; i < 7; ++i) {
    const std::string name = "more" + std::to_string(i);
    facts.outputs.push_back(topic(name, "delete", kHourMs));
    facts.stamps.oldest[name] = {kDay, "c"};
  }
  ASSERT_THAT(complaints(facts), SizeIs(6));
  EXPECT_THAT(complaints(facts).back(), AllOf(HasSubstr("3 more"), HasSubstr("output.max_past_s = 1800")));
}

TEST(StampFindings, say_that_ages_are_not_known_where_no_supervisor_runs) {
  Facts facts = all_well();
  facts.stamps = {{}, "no supervisor of this configuration runs", true};
  EXPECT_THAT(complaints(facts),
              ElementsAre(AllOf(HasSubstr("the age of stamps is not known"), HasSubstr("no supervisor"),
                                HasSubstr("check again while one runs"))));
  facts.max_past_s = 3600;  // then they do not matter
  EXPECT_THAT(complaints(facts), IsEmpty());
}

TEST(StampFindings, tell_what_was_seen_although_not_all_was) {
  Facts facts = erased_at_once();
  facts.stamps.words = "the supervisor has more channels than could be read";
  EXPECT_THAT(complaints(facts), ElementsAre(HasSubstr("more channels than could be read"),
                                             HasSubstr("output.max_past_s = 1800")));
}

TEST(StampFindings, say_which_retention_can_not_be_seen) {
  Facts facts = all_well();
  facts.outputs[1].cleanup_policy = "";
  facts.outputs[1].policy_words = "Topic authorization failed";
  EXPECT_THAT(complaints(facts), ElementsAre(AllOf(HasSubstr("out2"), HasSubstr("authorization failed"),
                                                   HasSubstr("DescribeConfigs"), Not(HasSubstr("out1")))));
}

}  // namespace
}  // namespace e2k::supervisor::check
