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

TEST(MonitorChannels, may_hold_commas_colons_and_filters_in_their_names) {
  EXPECT_THAT(entries(parse_monitor_channels(R"(X.{"arr":{"s":1,"e":3}}|t|v,A,B:C|t|v)", "x")),
              ElementsAre(entry("t", R"(X.{"arr":{"s":1,"e":3}})", 1), entry("t", "A,B:C", 1)));
  EXPECT_THAT(entries(parse_monitor_channels(R"(X.{"arr":{"s":1,"e":3}}:t:v,A,B:C:t:v)", "x")),
              ElementsAre(entry("t", R"(X.{"arr":{"s":1,"e":3}})", 1), entry("t", "A,B:C", 1)));
}

constexpr const char* kOddNames[] = {"plain",
                                     "IOC:a:b.VAL",
                                     "A,B:C",
                                     "a,b,c",
                                     "A:B,C:D",
                                     "x,",
                                     R"(X.{"arr":{"s":1,"e":3}})",
                                     R"(IOC:X.{"ts":{},"dec":{"n":5}})",
                                     R"(X.{"sync":{"m":"before","s":"red"}})",
                                     R"(X.{"utag":{"M":1,"V":2},"arr":[1:2:3]})",
                                     R"({"topic":"t","channel":"c"})",
                                     "[a,b]{c,d}(e,f)",
                                     "quo\"te,'s",
                                     "with space, and comma",
                                     "a=b,c==d",
                                     "# no comment",
                                     "Kühlwasser:Füllstand,m³",
                                     "back\\slash,",
                                     "semi;colon:$(P),{R}"};

TEST(MonitorChannels, of_all_odd_names_are_read_in_one_list) {
  for (const bool bars : {true, false}) {
    std::string list;
    std::vector<EntrySpec> expected;
    for (const char* name : kOddNames) {
      const bool keyed = bars && expected.size() % 2 == 1;
      expected.push_back(entry("t", name, 5, keyed ? "a key: {x}" : ""));
      if (bars)
        list += std::string(name) + " |t| va" + (keyed ? "|a key: {x}, " : " ,");
      else
        list += std::string(name) + ": t:va , ";
    }
    EXPECT_THAT(entries(parse_monitor_channels(list, "x")), testing::ElementsAreArray(expected)) << list;
  }
}

std::vector<std::string> reasons(const ParsedCommands& parsed) {
  std::vector<std::string> all;
  for (const auto& problem : parsed.problems)
    all.push_back(std::to_string(problem.line) + " " + problem.reason);
  return all;
}

TEST(MonitorChannels, that_are_wrong_are_named_by_number_and_text_and_spoil_no_other) {
  using testing::AllOf;
  using testing::HasSubstr;
  using testing::StartsWith;
  const auto bars =
      parse_monitor_channels("c|t,,c|t|x,A,B|t|v, a|b|v|d|e,|t|v,c|bad topic|v,d|t||k,e|t|a,only", "x");
  EXPECT_THAT(
      reasons(bars),
      ElementsAre(AllOf(StartsWith("1 \"c|t\": it has no mask"), HasSubstr("accepted: channel|topic|mask")),
                  AllOf(StartsWith("2 \"c|t|x\": its mask is none"), HasSubstr("v, a, l, p")),
                  StartsWith("4 \"a|b|v|d|e\": it has more than three bars"), StartsWith("5 \"|t|v\": "),
                  AllOf(StartsWith("6 \"c|bad topic|v\": "), HasSubstr("bad topic")),
                  StartsWith("7 \"d|t||k\": its mask is none"),
                  StartsWith("9 \"only\": it has neither topic nor mask")));
  ASSERT_EQ(bars.commands.size(), 2u);
  EXPECT_EQ(bars.commands[0].entry, entry("t", "A,B", 1));
  EXPECT_EQ(bars.commands[1].entry, entry("t", "e", 4));
  const auto older = parse_monitor_channels("a:t:v,:t:v,c:bad topic:v, d:t:a,e:t:x", "x");
  EXPECT_THAT(reasons(older), ElementsAre(StartsWith("2 \":t:v\": "), StartsWith("3 \"c:bad topic:v\": "),
                                          StartsWith("5 \"e:t:x\": its mask is none")));
  ASSERT_EQ(older.commands.size(), 2u);
  EXPECT_EQ(older.commands[1].entry, entry("t", "d", 4));
  EXPECT_THAT(reasons(parse_monitor_channels("a:t:v,b", "x")),
              ElementsAre(AllOf(StartsWith("2 \"b\": "), HasSubstr("channel:topic:mask"))));
  for (const char* nothing : {"", ",", " , ,"}) {
    EXPECT_THAT(parse_monitor_channels(nothing, "x").problems, IsEmpty());
    EXPECT_THAT(parse_monitor_channels(nothing, "x").commands, IsEmpty());
  }
}

}  // namespace
}  // namespace e2k::supervisor::ctl
