#include "worker/encode/json_value_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/unit/encode/events.h"

namespace e2k::worker {
namespace {

std::string plain(const EventView& event) {
  JsonValueEncoder encoder(epics_ca_dbr_schema(), JsonForm::plain);
  return encode(encoder, event);
}

// A record without alarm in which only `field` has a value.
std::string record(const std::string& field, const std::string& value) {
  std::string out = R"({"error":null,"status":0,"severity":0)";
  for (const char* name :
       {"doubleValues", "floatValues", "stringValues", "intValues", "shortValues", "byteValues"})
    out += std::string(",\"") + name + "\":" + (field == name ? value : "null");
  return out + "}";
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

TEST(JsonValue, a_double_is_the_documented_record) {
  EXPECT_EQ(
      plain(event_of<double>(DbrType::float64, {1.0}, 3, 2).view),
      R"({"error":null,"status":3,"severity":2,"doubleValues":[1.0],"floatValues":null,"stringValues":null,)"
      R"("intValues":null,"shortValues":null,"byteValues":null})");
}

TEST(JsonValue, the_envelope_is_the_java_converters_to_the_byte) {
  const double inf = std::numeric_limits<double>::infinity();
  const Event event = event_of<double>(
      DbrType::float64,
      {1.0, -0.0, 0.1, 1e-3, 9.999e-4, 1e7, 12345678.9, 1e21, std::nan(""), inf, -inf,
       std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(), 2e-3, 2e23, 1e23},
      3, 2);
  std::string expected = golden("json-envelope.json").at(0);
  // The file was written by JDK 17, which prints these two longer than JDK 19 and later do.
  replace(expected, "1.9999999999999998E23", "2.0E23");
  replace(expected, "9.999999999999999E22", "1.0E23");
  JsonValueEncoder encoder(epics_ca_dbr_schema(), JsonForm::envelope);
  EXPECT_EQ(encode(encoder, event.view), expected);
}

TEST(JsonValue, floats_are_the_java_converters_but_for_the_digits_that_newer_javas_leave_out) {
  const Event event =
      event_of<float>(DbrType::float32, {0.1f, 1e10f, std::nanf(""), 3.4e38f, 1.17549435e-38f});
  std::string expected = golden("json-plain.jsonl").at(0);
  replace(expected, R"("status":null,"severity":null)", R"("status":0,"severity":0)");
  replace(expected, "1.17549435E-38", "1.1754944E-38");
  EXPECT_EQ(plain(event.view), expected);
}

TEST(JsonValue, an_error_record_has_nulls_for_all_else) {
  EventView event;
  event.is_error = true;
  event.error = "a/\"b\\ \t\n\x1b\x7f\u00e9\u2028\U0001F600";
  std::string expected = golden("json-plain.jsonl").at(1);
  replace(expected, R"(["x",""])", "null");
  EXPECT_EQ(plain(event), expected);
}

TEST(JsonValue, each_native_type_has_its_field) {
  EXPECT_EQ(plain(event_of<float>(DbrType::float32, {0.1f}).view), record("floatValues", "[0.1]"));
  EXPECT_EQ(plain(event_of<int32_t>(DbrType::int32, {-2147483647 - 1, 2147483647}).view),
            record("intValues", "[-2147483648,2147483647]"));
  EXPECT_EQ(plain(event_of<int16_t>(DbrType::int16, {-32768, 32767}).view),
            record("shortValues", "[-32768,32767]"));
  EXPECT_EQ(plain(event_of<uint16_t>(DbrType::enum16, {3, 65535}).view), record("shortValues", "[3,-1]"));
  EXPECT_EQ(plain(event_of<uint8_t>(DbrType::char8, {65, 200}).view), record("byteValues", "[65,-56]"));
  EXPECT_EQ(plain(strings({"x", ""}).view), record("stringValues", R"(["x",""])"));
}

TEST(JsonValue, a_string_ends_at_its_first_nul_or_at_forty_bytes) {
  const std::string forty(40, 'y');
  EXPECT_EQ(plain(strings({std::string("ab\0cd", 5), forty, "z"}).view),
            record("stringValues", R"(["ab",")" + forty + R"(","z"])"));
}

TEST(JsonValue, a_string_that_fills_its_place_loses_the_character_that_was_cut) {
  const std::string x37(37, 'x'), x38 = x37 + "x";
  const auto of = [](const std::string& text) { return plain(strings({text}).view); };
  const auto expected = [](const std::string& text) { return record("stringValues", "[\"" + text + "\"]"); };
  EXPECT_EQ(of(x38 + "\xc2"), expected(x38)) << "39 bytes";
  EXPECT_EQ(of(x38 + "x\xc2"), expected(x38 + "x")) << "40 bytes";
  EXPECT_EQ(of(x37 + "\xe2\x82"), expected(x37));
  EXPECT_EQ(of(x37.substr(1) + "\xf0\x9f\x98"), expected(x37.substr(1)));
  EXPECT_EQ(of(x37 + "\u00b0"), expected(x37 + "\u00b0"));
  EXPECT_EQ(of(x38 + "\xb0"), expected(x38 + "\u00b0")) << "Latin-1";
  EXPECT_EQ(of("\xe9" + x37 + "\xe9"), expected("\u00e9" + x37 + "\u00e9")) << "Latin-1";
  EXPECT_EQ(of(x37 + "\xe9"), expected(x37 + "\u00e9")) << "38 bytes were not cut";
}

TEST(JsonValue, an_empty_array_is_no_null) {
  EXPECT_EQ(plain(event_of<double>(DbrType::float64, {}).view), record("doubleValues", "[]"));
  EXPECT_EQ(plain(strings({}).view), record("stringValues", "[]"));
}

TEST(JsonValue, an_array_longer_than_one_reservation_is_whole) {
  Event event = event_of<int16_t>(DbrType::int16, {});
  std::string expected = "[";
  for (int i = 0; i < 1024; ++i) expected += std::to_string(i % 7) + (i == 1023 ? "]" : ",");
  event.bytes.resize(2048);
  for (size_t i = 0; i < 1024; ++i) event.bytes[2 * i] = static_cast<std::byte>(i % 7);
  event.view.value = event.bytes;
  event.view.count = 1024;
  EXPECT_EQ(plain(event.view), record("shortValues", expected));
}

TEST(JsonValue, an_event_that_cannot_be_expressed_leaves_the_buffer_as_it_was) {
  JsonValueEncoder encoder(epics_ca_dbr_schema(), JsonForm::plain);
  Buffer out;
  out.append("before");
  Event truncated = event_of<double>(DbrType::float64, {1.0});
  truncated.view.count = 2;
  EXPECT_FALSE(encoder.encode(truncated.view, out));
  Event unknown = event_of<double>(static_cast<DbrType>(9), {1.0});
  EXPECT_FALSE(encoder.encode(unknown.view, out));
  EXPECT_EQ(out.view(), "before");
  EXPECT_TRUE(encoder.encode(event_of<double>(DbrType::float64, {1.0}).view, out));
  EXPECT_TRUE(out.view().starts_with("before{"));
}

TEST(JsonValue, another_schema_is_another_table) {
  const Field fields[] = {
      {"timestamp", FieldType::int64, false, FieldSource::stamp_unix_s, 0, ""},
      {"status", FieldType::int8, true, FieldSource::status, 0, ""},
      {"floatValues", FieldType::float64, true, FieldSource::values,
       static_cast<DbrTypeSet>(set_of(DbrType::float64) | set_of(DbrType::float32)), ""},
  };
  JsonValueEncoder encoder(Schema{"x", "x", 1, "", fields}, JsonForm::plain);
  Event event = event_of<float>(DbrType::float32, {0.1f}, 7);
  event.view.stamp_unix_ns = 1'700'000'000'999'999'999;
  EXPECT_EQ(encode(encoder, event.view),
            R"({"timestamp":1700000000,"status":7,"floatValues":[0.10000000149011612]})");
  event.view.is_error = true;
  EXPECT_EQ(encode(encoder, event.view), "(not encoded)");
  EXPECT_EQ(encode(encoder, strings({"no field takes it"}).view), "(not encoded)");
}

}  // namespace
}  // namespace e2k::worker
