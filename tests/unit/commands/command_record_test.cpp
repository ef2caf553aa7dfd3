#include "proto/command_record.h"

#include <gtest/gtest.h>

#include <string>

namespace e2k {
namespace {

const SetCommand* as_set(const Command& command) {
  return std::get_if<SetCommand>(&command);
}
std::string reason(std::optional<std::string_view> key, std::optional<std::string_view> value) {
  const Command command = parse_command(key, value);
  const auto* bad = std::get_if<BadCommand>(&command);
  return bad == nullptr ? "" : bad->reason;
}

TEST(CommandRecord, a_plain_key_is_the_channel) {
  const Command command = parse_command("channel1", R"({"topic":"topic1","mask":"va"})");
  ASSERT_TRUE(as_set(command));
  EXPECT_EQ(as_set(command)->form, KeyForm::plain);
  EXPECT_EQ(as_set(command)->entry, (EntrySpec{"topic1", "channel1", *parse_mask("va"), ""}));
}

TEST(CommandRecord, a_json_key_names_topic_and_channel) {
  const Command command = parse_command(R"({"topic":"t","channel":"c"})", R"({"mask":"va","outkey":"k"})");
  ASSERT_TRUE(as_set(command));
  EXPECT_EQ(as_set(command)->form, KeyForm::json);
  EXPECT_EQ(as_set(command)->entry, (EntrySpec{"t", "c", *parse_mask("av"), "k"}));
}

TEST(CommandRecord, unknown_members_are_ignored_and_an_empty_outkey_is_none) {
  const Command command =
      parse_command(R"({"x":1,"channel":"c","topic":"t"})", R"({"y":[],"mask":"l","outkey":""})");
  ASSERT_TRUE(as_set(command));
  EXPECT_EQ(as_set(command)->entry.key, "");
  EXPECT_TRUE(as_set(parse_command("c", R"({"topic":"t","mask":"p","outkey":null})")));
}

TEST(CommandRecord, a_json_key_without_both_strings_is_a_plain_channel_name) {
  const Command command = parse_command(R"({"topic":"t"})", R"({"topic":"t2","mask":"v"})");
  ASSERT_TRUE(as_set(command));
  EXPECT_EQ(as_set(command)->form, KeyForm::plain);
  EXPECT_EQ(as_set(command)->entry.channel, R"({"topic":"t"})");
}

TEST(CommandRecord, null_is_a_tombstone_and_zero_bytes_are_bad) {
  EXPECT_TRUE(std::holds_alternative<UnsetCommand>(parse_command("c", std::nullopt)));
  EXPECT_NE(reason("c", "").find("zero bytes"), std::string::npos);
}

TEST(CommandRecord, every_bad_record_says_why) {
  const std::string good = R"({"topic":"t","mask":"va"})";
  EXPECT_NE(reason(std::nullopt, good).find("no key"), std::string::npos);
  EXPECT_NE(reason("c", "va").find("not JSON"), std::string::npos);
  EXPECT_NE(reason("c", "[1]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(reason("c", R"({"mask":"va"})").find("names no topic"), std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":"a/b","mask":"va"})").find("other characters"), std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":"..","mask":"va"})").find("is no topic name"), std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":")" + std::string(250, 't') + R"(","mask":"va"})").find("250 bytes"),
            std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":"t"})").find("mask"), std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":"t","mask":""})").find("mask"), std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":"t","mask":"vv"})").find("mask"), std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":"t","mask":"x"})").find("mask"), std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":"t","mask":7})").find("mask"), std::string::npos);
  EXPECT_NE(reason("c", R"({"topic":"t","mask":"v","outkey":7})").find("outkey"), std::string::npos);
  EXPECT_NE(
      reason("c", R"({"topic":"t","mask":"v","outkey":")" + std::string(16385, 'k') + R"("})").find("16385"),
      std::string::npos);
  EXPECT_NE(reason(R"({"topic":"t","channel":""})", R"({"mask":"v"})").find("empty"), std::string::npos);
  EXPECT_NE(reason("a\nb", good).find("control"), std::string::npos);
  EXPECT_NE(reason("a\xff", good).find("UTF-8"), std::string::npos);
  EXPECT_EQ(reason(std::string(1007, 'c'), good), "");
  EXPECT_NE(reason(std::string(1008, 'c'), good).find("1008 bytes"), std::string::npos);
  EXPECT_NE(reason("c", std::string(100'000, '[')), "");
}

TEST(CommandRecord, what_set_writes_is_read_back) {
  for (KeyForm form : {KeyForm::plain, KeyForm::json}) {
    const EntrySpec entry{"t", "a\"b°", *parse_mask("valp"), "out \\ key"};
    const Command command = parse_command(command_key(entry, form), command_value(entry, form));
    ASSERT_TRUE(as_set(command));
    EXPECT_EQ(as_set(command)->entry, entry);
    EXPECT_EQ(as_set(command)->form, form);
  }
  EXPECT_EQ(command_key({"t", "c", {}, ""}, KeyForm::json), R"({"topic":"t","channel":"c"})");
  EXPECT_EQ(command_value({"t", "c", *parse_mask("va"), ""}, KeyForm::plain), R"({"topic":"t","mask":"va"})");
}

TEST(TopicName, reserved_names_are_not_written_to) {
  EXPECT_FALSE(topic_name_problem("a.b_c-d", "epics-channels"));
  EXPECT_TRUE(topic_name_problem("epics-channels", "epics-channels"));
  EXPECT_TRUE(topic_name_problem("__consumer_offsets", "epics-channels"));
  EXPECT_TRUE(topic_name_problem("connect-offsets", "epics-channels"));
  EXPECT_TRUE(topic_name_problem("epics2kafka-shards", "epics-channels"));
}

TEST(MaskLetters, are_read_in_any_order_and_written_in_one) {
  EXPECT_EQ(to_letters(*parse_mask("plav")), "valp");
  EXPECT_FALSE(parse_mask(""));
  EXPECT_FALSE(parse_mask("va "));
  EXPECT_FALSE(parse_mask("V"));
}

}  // namespace
}  // namespace e2k
