#include "worker/plugin/plugin_encoder.h"

#include <epics2kafka/converter.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/log.h"
#include "common/text.h"

namespace e2k::worker {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string plugin(const std::string& name) {
  return std::string(E2K_PLUGINS) + "/" + name + ".so";
}

std::unique_ptr<ValueEncoder> load(const std::string& name, const ConverterOptions& options = {}) {
  auto loaded = load_plugin_encoder(plugin(name), options);
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
  return loaded ? std::move(*loaded) : nullptr;
}

std::string refusal(const std::string& path, const ConverterOptions& options = {}) {
  const auto loaded = load_plugin_encoder(path, options);
  return loaded ? "(accepted)" : loaded.error().message;
}

std::string refusal_of(const std::string& name, const ConverterOptions& options = {}) {
  return refusal(plugin(name), options);
}

// "(no)" where it can't be expressed.
std::string encoded(ValueEncoder& encoder, const EventView& event) {
  Buffer out;
  return encoder.encode(event, out) ? std::string(out.view()) : "(no)";
}

alignas(8) constexpr std::array<double, 3> kThree{1.5, 2.0, 3.0};

EventView three_doubles() {
  EventView event;
  event.type = DbrType::float64;
  event.count = 3;
  event.status = 3;
  event.severity = 2;
  event.stamp_unix_ns = 1'700'000'000'000'000'000;
  event.schema_id = 12;
  event.channel = "channel1";
  event.topic = "topic1";
  event.key = "key1";
  event.value = std::as_bytes(std::span(kThree));
  return event;
}

class Folder {
public:
  Folder() {
    char name[] = "/tmp/e2k-plugin-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name, const std::string& content = {}) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Plugin, sees_the_whole_event) {
  const auto encoder = load("sample");
  EXPECT_EQ(encoded(*encoder, three_doubles()), "6 3 24 3 2 1700000000000000000 12|channel1|topic1|key1||");
}

TEST(Plugin, sees_an_error_record_as_its_text_and_nothing_else) {
  const auto encoder = load("sample");
  EventView event;
  event.is_error = true;
  event.error = "Never Connected";
  event.stamp_unix_ns = 5;
  EXPECT_EQ(encoded(*encoder, event), "error Never Connected 5 0|||||");
}

TEST(Plugin, gets_error_texts_in_utf8_whatever_they_were) {
  const auto encoder = load("sample");
  EventView event;
  event.is_error = true;
  event.error = "\xb5m";
  EXPECT_THAT(encoded(*encoder, event), StartsWith("error µm 0"));
}

TEST(Plugin, gets_all_options_in_the_order_of_their_names) {
  const auto encoder = load("sample", {{"schema.registry.url", "http://r:8081"}, {"a", "1"}, {"b", ""}});
  EXPECT_THAT(encoded(*encoder, three_doubles()), HasSubstr("|a=1;b=;schema.registry.url=http://r:8081;|"));
}

TEST(Plugin, appends_behind_what_is_in_the_buffer) {
  const auto encoder = load("sample");
  Buffer out;
  out.append("before ");
  EXPECT_TRUE(encoder->encode(three_doubles(), out));
  EXPECT_THAT(std::string(out.view()), StartsWith("before 6 3 24"));
}

TEST(Plugin, leaves_the_buffer_as_it_was_when_it_fails_in_the_middle) {
  const auto encoder = load("sample", {{"refuse.type", "6"}});
  Buffer out;
  out.append("before");
  EXPECT_FALSE(encoder->encode(three_doubles(), out));
  EXPECT_EQ(out.view(), "before");
}

TEST(Plugin, whose_answer_is_no_known_status_has_not_expressed_the_event) {
  const auto encoder = load("broken_status");
  EXPECT_EQ(encoded(*encoder, three_doubles()), "(no)");
}

TEST(Plugin, is_not_asked_about_a_value_that_is_shorter_than_its_count_or_of_no_type) {
  const auto encoder = load("sample");
  EventView event = three_doubles();
  event.count = 4;
  EXPECT_EQ(encoded(*encoder, event), "(no)");
  event = three_doubles();
  event.type = static_cast<DbrType>(7);
  EXPECT_EQ(encoded(*encoder, event), "(no)");
}

TEST(Plugin, is_told_of_an_empty_array) {
  const auto encoder = load("sample");
  EventView event = three_doubles();
  event.count = 0;
  event.value = {};
  EXPECT_THAT(encoded(*encoder, event), StartsWith("6 0 0 3 2 "));
}

TEST(Plugin, that_wants_more_room_than_a_record_can_have_gets_none) {
  const auto encoder = load("broken_greedy");
  EXPECT_EQ(encoded(*encoder, three_doubles()), "(no)");
}

TEST(Plugin, says_by_its_flags_whether_it_takes_errors_and_wants_names) {
  const auto sample = load("sample");
  EXPECT_TRUE(sample->takes_errors());
  EXPECT_TRUE(sample->wants_names());
  const auto registered = load("registered");
  EXPECT_FALSE(registered->takes_errors());
  EXPECT_FALSE(registered->wants_names());
  EventView error;
  error.is_error = true;
  EXPECT_EQ(encoded(*registered, error), "(no)");
}

TEST(Plugin, says_what_has_to_be_registered_and_writes_the_id_of_each_event) {
  const auto encoder = load("registered");
  ASSERT_NE(encoder->schema(), nullptr);
  EXPECT_EQ(encoder->schema()->type, "JSON");
  EXPECT_EQ(encoder->schema()->record_name, "sample.Registered");
  EXPECT_THAT(encoder->schema()->text, StartsWith(R"({"type":"object")"));
  EventView event = three_doubles();
  event.schema_id = 0x01020304;
  EXPECT_EQ(encoded(*encoder, event), std::string("\0\1\2\3\4", 5) + R"({"count":3,"severity":2})");
}

TEST(Plugin, needs_no_registry_when_it_has_no_schema) {
  EXPECT_EQ(load("sample")->schema(), nullptr);
  EXPECT_EQ(load("registered", {{"schema", "none"}})->schema(), nullptr);
}

TEST(Plugin, with_a_schema_that_no_registry_takes_is_refused) {
  EXPECT_THAT(refusal_of("registered", {{"schema", "1"}}), HasSubstr(R"(of type "XML")"));
  EXPECT_THAT(refusal_of("registered", {{"schema", "2"}}), HasSubstr("a schema of 0 bytes"));
  EXPECT_THAT(refusal_of("registered", {{"schema", "3"}}), HasSubstr("must be UTF-8"));
  EXPECT_THAT(refusal_of("registered", {{"schema", "4"}}), HasSubstr("record_name"));
}

TEST(Plugin, may_be_loaded_twice_with_different_options) {
  const auto one = load("sample", {{"n", "1"}});
  const auto two = load("sample", {{"n", "2"}});
  EXPECT_THAT(encoded(*one, three_doubles()), HasSubstr("|n=1;|"));
  EXPECT_THAT(encoded(*two, three_doubles()), HasSubstr("|n=2;|"));
}

TEST(PluginFile, that_is_missing_is_named_with_the_remedy) {
  EXPECT_THAT(refusal("/nowhere/at/all.so"),
              AllOf(StartsWith("value.converter: the plug-in \"/nowhere/at/all.so\" does not exist"),
                    HasSubstr("correct the path")));
}

TEST(PluginFile, is_named_by_an_absolute_path) {
  EXPECT_THAT(refusal("influx.so"), HasSubstr("absolute path"));
}

TEST(PluginFile, that_is_no_shared_object_is_refused) {
  const Folder folder;
  EXPECT_THAT(refusal(folder.file("text.so", "hello, hello, hello, hello")), HasSubstr("no shared object"));
  EXPECT_THAT(refusal(folder.file("empty.so")), HasSubstr("no shared object"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("is no file"));
}

TEST(PluginFile, of_another_machine_is_refused_with_both_machines) {
  const Folder folder;
  std::string bytes = content_of(plugin("sample"));
  bytes[18] = static_cast<char>(bytes[18] + 1);
  EXPECT_THAT(refusal(folder.file("foreign.so", bytes)),
              AllOf(HasSubstr("another machine"), HasSubstr("build it for this one")));
}

TEST(PluginFile, that_is_cut_off_is_refused_in_the_linkers_words) {
  const Folder folder;
  EXPECT_THAT(refusal(folder.file("short.so", content_of(plugin("sample")).substr(0, 100))),
              AllOf(HasSubstr("can't be loaded"), HasSubstr("ldd")));
}

TEST(PluginFile, that_nobody_may_read_is_refused) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  const Folder folder;
  const std::string path = folder.file("closed.so", "x");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  EXPECT_THAT(refusal(path), HasSubstr("make it readable"));
}

TEST(PluginTable, of_another_abi_is_refused_by_name) {
  EXPECT_THAT(refusal_of("broken_other_abi"),
              AllOf(HasSubstr("the plug-in broken 0.9 ("), HasSubstr("has ABI 2, this program has ABI 1"),
                    HasSubstr("build it against")));
}

TEST(PluginTable, of_another_abi_without_a_name_is_refused_too) {
  EXPECT_THAT(refusal_of("broken_unnamed"), HasSubstr("(unnamed) (no version)"));
}

TEST(PluginTable, that_can_not_be_asked_for_is_missed_by_the_functions_name) {
  EXPECT_THAT(refusal_of("broken_no_symbol"), HasSubstr("does not export epics2kafka_converter"));
  EXPECT_THAT(refusal_of("broken_no_table"), HasSubstr("gives no table"));
}

TEST(PluginTable, with_a_hole_is_refused_with_the_functions_name) {
  EXPECT_THAT(refusal_of("broken_no_create"), HasSubstr("no function create"));
  EXPECT_THAT(refusal_of("broken_no_encode"), HasSubstr("no function encode"));
  EXPECT_THAT(refusal_of("broken_no_destroy"), HasSubstr("no function destroy"));
}

TEST(PluginTable, that_is_too_short_or_has_unknown_flags_is_refused) {
  EXPECT_THAT(refusal_of("broken_short"), HasSubstr("set struct_bytes to sizeof"));
  EXPECT_THAT(refusal_of("broken_flags"), HasSubstr("flags that this program does not know"));
}

TEST(PluginOptions, that_create_refuses_are_told_in_its_own_words) {
  EXPECT_THAT(refusal_of("sample", {{"refuse", "measurement is 'x'; accepted: channel"}}),
              AllOf(HasSubstr("the plug-in sample 1.0 ("),
                    HasSubstr("refuses [value.options]: measurement is 'x'; accepted: channel")));
  EXPECT_THAT(refusal_of("broken_silent"), HasSubstr("it gives no reason"));
}

TEST(PluginOptions, refusals_are_one_line_of_valid_utf8_of_bounded_length) {
  const std::string message =
      refusal_of("sample", {{"refuse", "\xb5\nforged line" + std::string(5000, 'x')}});
  EXPECT_TRUE(is_valid_utf8(message));
  EXPECT_THAT(message, AllOf(HasSubstr("µ forged line"), Not(HasSubstr("\n"))));
  EXPECT_LT(message.size(), 1500u);
}

TEST(PluginOptions, that_hold_a_nul_are_refused) {
  EXPECT_THAT(refusal_of("sample", {{"a", std::string("x\0y", 3)}}), HasSubstr("holds a NUL"));
}

TEST(PluginException, that_leaves_create_or_schema_is_a_refusal) {
  EXPECT_THAT(refusal_of("throwing", {{"where", "create"}}), HasSubstr("exception out of create()"));
  EXPECT_THAT(refusal_of("throwing", {{"where", "schema"}}), HasSubstr("exception out of schema()"));
}

class PluginDeath : public testing::Test {
protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ASSERT_TRUE(log::start("test", "error"));  // to stderr, where death tests look
  }
};

TEST_F(PluginDeath, an_exception_that_leaves_encode_ends_the_process_by_name) {
  const auto encoder = load("throwing", {{"where", "encode"}});
  EXPECT_DEATH(encoded(*encoder, three_doubles()), "plugin.fault.*throwing 1.0.*a mistake of the plug-in");
}

TEST_F(PluginDeath, committing_more_than_was_reserved_ends_the_process_by_name) {
  const auto encoder = load("broken_commits_too_much");
  EXPECT_DEATH(encoded(*encoder, three_doubles()), "plugin.fault.*commits 4 bytes where 3 are reserved");
}

TEST_F(PluginDeath, the_test_plug_in_crashes_on_its_channel_alone) {
  const auto encoder = load("crash", {{"crash.on", "channel1"}});
  EventView other = three_doubles();
  other.channel = "channel2";
  EXPECT_EQ(encoded(*encoder, other), "channel2");
  EXPECT_DEATH(encoded(*encoder, three_doubles()), "");
}

TEST(PluginHeader, and_the_encoders_agree_on_the_size_of_elements) {
  EXPECT_EQ(e2k_element_bytes(E2K_DBR_STRING), kDbrStringBytes);
  EXPECT_EQ(e2k_element_bytes(E2K_DBR_ENUM), sizeof(uint16_t));
  EXPECT_EQ(e2k_element_bytes(E2K_DBR_DOUBLE), sizeof(double));
  EXPECT_EQ(e2k_element_bytes(7), 0u);
}

// What plug-ins that exist were compiled with.
TEST(PluginHeader, keeps_the_layout_of_abi_1) {
  static_assert(sizeof(void*) != 8 || sizeof(e2k_converter) == 64);
  static_assert(offsetof(e2k_converter, abi_version) == 0 && offsetof(e2k_converter, struct_bytes) == 4);
  static_assert(sizeof(void*) != 8 || offsetof(e2k_converter, encode) == 48);
  static_assert(sizeof(void*) != 8 || sizeof(e2k_event) == 120);
  static_assert(sizeof(void*) != 8 || offsetof(e2k_event, stamp_unix_ns) == 32);
  static_assert(sizeof(void*) != 8 || offsetof(e2k_event, key_bytes) == 112);
  static_assert(sizeof(void*) != 8 || sizeof(e2k_buffer) == 32);
  static_assert(sizeof(void*) != 8 || sizeof(e2k_schema) == 32);
}

}  // namespace
}  // namespace e2k::worker
