#include "supervisor/ctl/record_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace e2k::supervisor::ctl {
namespace {

tl::expected<WriterSchema, std::string> no_schemas(uint32_t id) {
  return tl::unexpected("no schema " + std::to_string(id));
}

std::string line_of(std::string_view bytes) {
  const auto value = read_value(bytes, no_schemas);
  return value ? record_line("a", "T", *value).substr(31) : value.error();
}

std::string bytes_of_msgpack(const char* json) {
  const auto bytes = nlohmann::json::to_msgpack(nlohmann::json::parse(json));
  return {bytes.begin(), bytes.end()};
}

using namespace std::string_view_literals;

TEST(RecordLine, begins_with_the_name_and_has_the_alarm_in_words) {
  const auto value = read_value(
      R"({"error":null,"status":3,"severity":2,"doubleValues":[1.5],"intValues":null})", no_schemas);
  ASSERT_TRUE(value);
  EXPECT_EQ(record_line("channel1", "2026-01-31 23:59:59.123456", *value),
            "channel1                       2026-01-31 23:59:59.123456 1.5 HIHI MAJOR");
}

TEST(RecordLine, every_form_of_json_is_read) {
  const char* plain = R"({"error":null,"status":0,"severity":0,"doubleValues":[1.0],"stringValues":null})";
  EXPECT_EQ(line_of(plain), "T 1");
  EXPECT_EQ(line_of(std::string(R"({"schema":{"type":"struct"},"payload":)") + plain + "}"), "T 1");
  EXPECT_EQ(line_of(std::string("\0\0\0\0\x07", 5) + plain), "T 1");
  EXPECT_EQ(line_of(R"({"status":0,"severity":0,"floatValues":[0.1,"NaN",1.0E20]})"), "T 3 0.1 NaN 1e+20");
  EXPECT_EQ(line_of(R"({"timestamp":1,"status":17,"severity":3,"intValues":[-5]})"), "T -5 UDF INVALID");
  EXPECT_EQ(line_of(R"({"status":0,"severity":0,"byteValues":[]})"), "T 0");
}

TEST(RecordLine, error_records_are_marked_and_foreign_text_is_printable) {
  EXPECT_EQ(line_of(R"({"error":"Disconnected","status":null,"doubleValues":null})"), "T *** Disconnected");
  EXPECT_EQ(line_of(R"({"status":0,"severity":0,"stringValues":["a\u001b[2J"]})"), "T a\\x1b[2J");
}

TEST(RecordLine, the_string_converter_s_structs_are_read) {
  EXPECT_EQ(line_of("Struct{status=3,severity=2,doubleValues=[1.5, 2.0, NaN]}"), "T 3 1.5 2 NaN HIHI MAJOR");
  EXPECT_EQ(line_of("Struct{status=0,severity=0,stringValues=[a, b=}c]}"), "T a, b=}c");
  EXPECT_EQ(line_of("Struct{error=Never Connected}"), "T *** Never Connected");
  EXPECT_EQ(line_of("Struct{status=3"), "a Struct that is cut");
}

TEST(RecordLine, messagepack_is_read_with_the_digits_of_a_float) {
  EXPECT_EQ(line_of(bytes_of_msgpack(R"({"status":4,"severity":1,"shortValues":[7]})")), "T 7 HIGH MINOR");
  const float tenth = 0.1F;
  auto json = nlohmann::json::parse(R"({"status":0,"severity":0})");
  json["floatValues"] = {static_cast<double>(tenth)};
  const auto bytes = nlohmann::json::to_msgpack(json);
  EXPECT_EQ(line_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}), "T 0.1");
}

TEST(RecordLine, what_can_not_be_read_says_how_it_can) {
  EXPECT_EQ(line_of("\0\0\0\x01\x02\x02\x04"sv), "no schema 258");
  for (const std::string_view bytes : {""sv, "hello"sv, "{"sv, "[1]"sv, "\xc1"sv, R"({"a":1})"sv})
    EXPECT_FALSE(read_value(bytes, no_schemas)) << bytes;
}

TEST(RecordLine, keys_are_known_in_every_converter_s_form) {
  for (const std::string_view bytes :
       {"chan1"sv, R"("chan1")"sv, R"({"schema":{"type":"string"},"payload":"chan1"})"sv,
        "\0\0\0\0\x01\"chan1\""sv,
        "\xa5"
        "chan1"sv,
        "\0\0\0\0\x01\x0a"
        "chan1"sv,
        "\0\0\0\0\x01\0\x0a\x05"
        "chan1"sv})
    EXPECT_TRUE(is_key(bytes, "chan1")) << bytes;
  for (const std::string_view bytes : {""sv, "xchan1"sv, "chan"sv, R"("chan12")"sv,
                                       "\xa6"
                                       "chan12"sv,
                                       // Other channels' keys that end alike.
                                       "\xa6"
                                       "xchan1"sv,
                                       "\0\0\0\0\x01\x0c"
                                       "xchan1"sv,
                                       "\0\0\0\0\x01\0\x0a\x06"
                                       "xchan1"sv,
                                       "\0\0\0\0\x01\x0a"
                                       "xchan1"sv})
    EXPECT_FALSE(is_key(bytes, "chan1")) << bytes;
}

}  // namespace
}  // namespace e2k::supervisor::ctl
