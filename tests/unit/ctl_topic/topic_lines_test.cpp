#include "supervisor/ctl/topic_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace e2k::supervisor::ctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<EntrySpec> entries(const ParsedCommands& parsed) {
  for (const auto& problem : parsed.problems) ADD_FAILURE() << problem.line << ": " << problem.reason;
  std::vector<EntrySpec> all;
  for (const auto& command : parsed.commands) all.push_back(command.entry);
  return all;
}
std::vector<size_t> bad_lines(const ParsedCommands& parsed) {
  std::vector<size_t> lines;
  for (const auto& problem : parsed.problems) {
    EXPECT_NE(problem.reason, "");
    lines.push_back(problem.line);
  }
  return lines;
}
EntrySpec entry(const char* topic, const char* channel, uint8_t mask, const char* key = "") {
  return {topic, channel, Mask{mask}, key};
}

TEST(CommandLines, of_both_generations_are_read) {
  const auto parsed = parse_lines(
      "{\"topic\":\"t\",\"channel\":\"c\"}={\"mask\":\"va\",\"outkey\":\"k\"}\r\n"
      "\n# a comment\n"
      "channel1={\"topic\":\"channel1\",\"mask\":\"v\"}\n",
      "epics-channels");
  EXPECT_THAT(entries(parsed), ElementsAre(entry("t", "c", 5, "k"), entry("channel1", "channel1", 1)));
  EXPECT_EQ(parsed.commands[0].form, KeyForm::json);
  EXPECT_EQ(parsed.commands[1].form, KeyForm::plain);
}

TEST(CommandLines, with_equal_signs_and_braces_inside_a_json_key_end_at_its_brace) {
  EXPECT_THAT(entries(parse_lines(R"({"topic":"t","channel":"a=}\"{b"} = {"mask":"v"})", "x")),
              ElementsAre(entry("t", "a=}\"{b", 1)));
}

TEST(CommandLines, of_one_entry_the_last_counts_and_null_takes_back) {
  EXPECT_THAT(entries(parse_lines("c={\"topic\":\"t\",\"mask\":\"v\"}\n"
                                  "d={\"topic\":\"t\",\"mask\":\"v\"}\n"
                                  "{\"topic\":\"t\",\"channel\":\"c\"}={\"mask\":\"a\"}\n"
                                  "d=null\n",
                                  "x")),
              ElementsAre(entry("t", "c", 4)));
}

TEST(CommandLines, that_are_wrong_are_named_by_their_numbers) {
  const auto parsed = parse_lines(
      "no separator\n"
      "c={\"topic\":\"t\",\"mask\":\"v\"}\n"
      "c={\"topic\":\"t\",\"mask\":\"x\"}\n"
      "c=\n"
      "c={\"topic\":\"commands\",\"mask\":\"v\"}\n"
      "{\"topic\":\"t\",\"channel\":\"c\"} {\"mask\":\"v\"}\n",
      "commands");
  EXPECT_THAT(bad_lines(parsed), ElementsAre(1, 3, 4, 5, 6));
}

TEST(CommandLines, are_written_so_that_they_are_read_back) {
  for (const EntrySpec& spec : {entry("t", "c", 5, "k"), entry("t", "a=b", 1), entry("t", "{odd", 1),
                                entry("t", "# x", 1), entry("t", " c ", 1), entry("t", "µ\"\\", 15, "ä=\n")})
    for (KeyForm form : {KeyForm::plain, KeyForm::json})
      EXPECT_THAT(entries(parse_lines(command_line(spec, form) + "\n", "x")), ElementsAre(spec));
  EXPECT_EQ(command_line(entry("t", "c", 1), KeyForm::plain), R"(c={"topic":"t","mask":"v"})");
}

TEST(MonitorChannels, are_read_in_both_forms) {
  EXPECT_THAT(entries(parse_monitor_channels("c|t|va|k, d|t|v,e|t|a|", "x")),
              ElementsAre(entry("t", "c", 5, "k"), entry("t", "d", 1), entry("t", "e", 4)));
  EXPECT_THAT(entries(parse_monitor_channels("IOC:a:b:t:va,c:t:v,", "x")),
              ElementsAre(entry("t", "IOC:a:b", 5), entry("t", "c", 1)));
  EXPECT_THAT(entries(parse_monitor_channels("IOC:a|t|va", "x")), ElementsAre(entry("t", "IOC:a", 5)));
}

TEST(MonitorChannels, that_are_wrong_are_named_by_their_item) {
  EXPECT_THAT(bad_lines(parse_monitor_channels("c|t,c|t|x,c|t|v,only,a|b|v|d|e,:t:v,c:bad topic:v", "x")),
              ElementsAre(1, 2, 4, 5, 6, 7));
  EXPECT_THAT(parse_monitor_channels("", "x").problems, IsEmpty());
}

}  // namespace
}  // namespace e2k::supervisor::ctl
