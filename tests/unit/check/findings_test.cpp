#include "supervisor/check/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/check/facts_fixture.h"

namespace e2k::supervisor::check {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

int exit_of(const Facts& facts) {
  return exit_code(findings(facts));
}

Facts without_brokers(Trouble trouble, std::string words) {
  Facts facts = all_well();
  facts.brokers = {{"", "kafka1:9092", 0, trouble, std::move(words)}};
  return facts;
}

TEST(Findings, of_a_site_where_all_is_well_are_ok_and_end_with_0) {
  EXPECT_THAT(complaints(all_well()), IsEmpty());
  EXPECT_EQ(exit_of(all_well()), 0);
  std::vector<std::string> lines;
  for (const Finding& finding : findings(all_well())) lines.push_back(line(finding));
  EXPECT_THAT(lines, Each(StartsWith("ok ")));
  EXPECT_THAT(lines, testing::Contains(AllOf(HasSubstr("brokers: 3"), HasSubstr("kafka1:9092"))));
}

TEST(Findings, name_the_brokers_trouble_in_librdkafkas_words_with_a_remedy_and_nothing_behind_it) {
  const auto refused = without_brokers(Trouble::unreachable, "Connect failed: Connection refused");
  EXPECT_THAT(complaints(refused),
              ElementsAre(AllOf(StartsWith("broken brokers: none answers at kafka1:9092"),
                                HasSubstr("Connection refused"), HasSubstr("bootstrap.servers"))));
  EXPECT_THAT(complaints(without_brokers(Trouble::unresolved, "Failed to resolve")),
              ElementsAre(AllOf(HasSubstr("no address is known"), HasSubstr("getent"))));
  EXPECT_THAT(complaints(without_brokers(Trouble::tls, "certificate verify failed")),
              ElementsAre(AllOf(HasSubstr("TLS"), HasSubstr("ssl.ca.location"))));
  EXPECT_THAT(complaints(without_brokers(Trouble::login, "Authentication failed")),
              ElementsAre(AllOf(HasSubstr("login"), HasSubstr("sasl.password"))));
  EXPECT_THAT(complaints(without_brokers(Trouble::protocol, "Disconnected")),
              ElementsAre(HasSubstr("security.protocol")));
}

TEST(Findings, end_with_75_for_a_silent_server_and_with_78_for_what_must_be_mended) {
  EXPECT_EQ(exit_of(without_brokers(Trouble::unreachable, "")), 75);
  EXPECT_EQ(exit_of(without_brokers(Trouble::unresolved, "")), 75);
  EXPECT_EQ(exit_of(without_brokers(Trouble::tls, "")), 78);
  EXPECT_EQ(exit_of(without_brokers(Trouble::login, "")), 78);
  EXPECT_EQ(exit_of(without_brokers(Trouble::protocol, "")), 78);
  Facts both = without_brokers(Trouble::unreachable, "");
  both.registries[0].trouble = Trouble::login;
  EXPECT_EQ(exit_of(both), 78);
}

TEST(Findings, tell_the_two_sides_of_the_brokers_apart) {
  Facts facts = all_well();
  facts.brokers = {{"consumer", "kafka1:9092", 3, Trouble::none, ""},
                   {"producer", "kafka2:9092", 0, Trouble::login, "no"}};
  EXPECT_THAT(complaints(facts), ElementsAre(AllOf(HasSubstr("as producer"), HasSubstr("kafka2:9092"))));
}

TEST(Findings, of_an_absent_command_topic_depend_on_who_makes_it) {
  Facts facts = all_well();
  facts.outputs.clear();
  facts.commands.topic.seen = Seen::absent;
  EXPECT_THAT(complaints(facts), testing::Contains(AllOf(StartsWith("warning"), HasSubstr("epics-channels"),
                                                         HasSubstr("the start makes it"))));
  EXPECT_EQ(exit_of(facts), 0);
  facts.commands.is_made_at_start = false;
  EXPECT_THAT(complaints(facts),
              testing::Contains(AllOf(StartsWith("broken"), HasSubstr("kafka-topics.sh --bootstrap-server "
                                                                      "kafka1:9092 --create --topic "
                                                                      "epics-channels"))));
  EXPECT_EQ(exit_of(facts), 78);
}

TEST(Findings, warn_of_a_command_topic_that_is_not_compacted_or_not_known_to_be) {
  Facts facts = all_well();
  facts.commands.topic.cleanup_policy = "compact,delete";
  EXPECT_THAT(complaints(facts),
              ElementsAre(AllOf(StartsWith("warning"), HasSubstr("compact,delete"),
                                HasSubstr("kafka-configs.sh --bootstrap-server kafka1:9092 --alter"))));
  facts.commands.topic.cleanup_policy = "";
  facts.commands.topic.policy_words = "Cluster authorization failed";
  EXPECT_THAT(complaints(facts),
              ElementsAre(AllOf(StartsWith("warning"), HasSubstr("can't be seen"),
                                HasSubstr("Cluster authorization failed"), HasSubstr("DescribeConfigs"))));
  EXPECT_EQ(exit_of(facts), 0);
}

TEST(Findings, of_a_command_topic_that_can_not_be_read_leave_the_output_topics_open) {
  Facts facts = all_well();
  facts.commands.read_trouble = Trouble::not_allowed;
  EXPECT_THAT(complaints(facts), ElementsAre(AllOf(StartsWith("broken"), HasSubstr("grant Read")),
                                             AllOf(StartsWith("warning"), HasSubstr("not looked at"))));
  EXPECT_EQ(exit_of(facts), 78);
  facts.commands.read_trouble = Trouble::unreachable;
  EXPECT_EQ(exit_of(facts), 75);
}

TEST(Findings, count_bad_commands) {
  Facts facts = all_well();
  facts.commands.rejected = 3;
  EXPECT_THAT(complaints(facts),
              ElementsAre(AllOf(StartsWith("warning"), HasSubstr("no valid commands and are skipped: 3"),
                                HasSubstr("list --all"))));
}

TEST(Findings, of_missing_output_topics_are_one_line_with_five_examples) {
  Facts facts = all_well();
  for (int i = 0; i < 7; ++i) {
    facts.outputs.push_back(topic("missing" + std::to_string(i)));
    facts.outputs.back().seen = Seen::absent;
  }
  EXPECT_THAT(complaints(facts),
              ElementsAre(AllOf(StartsWith("warning"), HasSubstr("7 of 9"), HasSubstr("missing4, …"),
                                Not(HasSubstr("missing5")), HasSubstr("--create --topic missing0"),
                                HasSubstr("wait in the spool"))));
  EXPECT_EQ(exit_of(facts), 0);
}

TEST(Findings, of_forbidden_output_topics_must_be_mended) {
  Facts facts = all_well();
  facts.outputs[1].seen = Seen::denied;
  EXPECT_THAT(complaints(facts),
              ElementsAre(AllOf(StartsWith("broken"), HasSubstr("out2"), HasSubstr("grant Write"))));
  EXPECT_EQ(exit_of(facts), 78);
}

TEST(Findings, of_output_topics_that_may_not_be_written_to_come_with_the_line_that_grants_it) {
  Facts facts = all_well();
  facts.outputs[1].may_write = false;
  EXPECT_THAT(complaints(facts),
              ElementsAre(AllOf(StartsWith("broken"), HasSubstr("may not write to 1 of 2: out2; "),
                                HasSubstr("--operation Write --topic out2"))));
  EXPECT_EQ(exit_of(facts), 78);
}

TEST(Findings, of_one_silent_registry_among_several_only_warn) {
  Facts facts = all_well();
  facts.registries.push_back({"value", "http://other:8081", Trouble::unreachable, 0, "Connection refused"});
  EXPECT_THAT(complaints(facts), ElementsAre(AllOf(StartsWith("warning"), HasSubstr("http://other:8081"),
                                                   HasSubstr("schema.registry.url"))));
  facts.registries[0] = facts.registries[1];
  EXPECT_THAT(complaints(facts), SizeIs(2));
  EXPECT_EQ(exit_of(facts), 75);
  facts.registries[0] = {"value", "http://registry:8081", Trouble::login, 401, "no"};
  EXPECT_EQ(exit_of(facts), 78);
}

TEST(Findings, hold_no_line_breaks_of_others) {
  Facts facts = without_brokers(Trouble::unreachable, "bad\nok all is well");
  EXPECT_THAT(complaints(facts), ElementsAre(Not(HasSubstr("\n"))));
}

}  // namespace
}  // namespace e2k::supervisor::check
