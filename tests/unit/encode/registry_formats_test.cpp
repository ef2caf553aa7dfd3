// The formats whose schemas a registry holds: their bytes, and the texts that are registered.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/encode/events.h"
#include "worker/encode/avro_encoder.h"
#include "worker/encode/json_schema_text.h"
#include "worker/encode/json_value_encoder.h"
#include "worker/encode/key_encoders.h"
#include "worker/encode/protobuf_encoder.h"

namespace e2k::worker {
namespace {

constexpr int32_t kId = 0x01020304;
const std::string kHead = "0001020304";

std::string one_line(std::string text) {
  while (text.ends_with("\n")) text.pop_back();
  return text;
}

std::string avro(EventView event, const Schema& schema = epics_ca_dbr_schema()) {
  AvroValueEncoder encoder(schema, true);
  event.schema_id = kId;
  return hex(encode(encoder, event));
}
std::string protobuf(EventView event, const Schema& schema = epics_ca_dbr_schema()) {
  ProtobufValueEncoder encoder(schema);
  event.schema_id = kId;
  return hex(encode(encoder, event));
}

const Schema& schema_named(const char* name) {
  return **find_schema(name);
}

TEST(Avro, the_sample_is_the_java_converters_to_the_byte) {
  EXPECT_EQ(avro(event_of<double>(DbrType::float64, {1.5, 2.0}, 3, 2).view),
            kHead + one_line(golden_text("avro-sample.hex")));
}

TEST(Avro, the_schemas_are_the_java_converters_to_the_byte) {
  EXPECT_EQ(avro_schema_text(epics_ca_dbr_schema(), true), one_line(golden_text("avro-schema.json")));
  EXPECT_EQ(avro_schema_text(epics_ca_dbr_schema(), false), one_line(golden_text("avro-schema-nometa.json")));
}

TEST(Avro, every_native_type_has_its_field) {
  EXPECT_EQ(avro(event_of<float>(DbrType::float32, {1.0f}).view), kHead +
                                                                      "00"
                                                                      "0200"
                                                                      "0200"
                                                                      "00"
                                                                      "0202"
                                                                      "020000803f"
                                                                      "00"
                                                                      "00000000");
  EXPECT_EQ(avro(event_of<int32_t>(DbrType::int32, {-1, 64}).view), kHead +
                                                                        "00"
                                                                        "0200"
                                                                        "0200"
                                                                        "000000"
                                                                        "0204"
                                                                        "0201"
                                                                        "028001"
                                                                        "00"
                                                                        "0000");
  EXPECT_EQ(avro(event_of<int16_t>(DbrType::int16, {-32768}).view), kHead +
                                                                        "00"
                                                                        "0200"
                                                                        "0200"
                                                                        "00000000"
                                                                        "0202"
                                                                        "02ffff03"
                                                                        "00"
                                                                        "00");
  EXPECT_EQ(avro(event_of<uint16_t>(DbrType::enum16, {3}).view), kHead +
                                                                     "00"
                                                                     "0200"
                                                                     "0200"
                                                                     "00000000"
                                                                     "0202"
                                                                     "0206"
                                                                     "00"
                                                                     "00");
  EXPECT_EQ(avro(event_of<uint8_t>(DbrType::char8, {200}).view), kHead +
                                                                     "00"
                                                                     "0200"
                                                                     "0200"
                                                                     "0000000000"
                                                                     "0202"
                                                                     "026f"
                                                                     "00");
  EXPECT_EQ(avro(strings({"ab", ""}).view), kHead +
                                                "00"
                                                "0200"
                                                "0200"
                                                "0000"
                                                "0204"
                                                "02046162"
                                                "0200"
                                                "00"
                                                "000000");
}

TEST(Avro, an_empty_array_is_no_null_and_has_no_block) {
  EXPECT_EQ(avro(event_of<double>(DbrType::float64, {}).view), kHead +
                                                                   "00"
                                                                   "0200"
                                                                   "0200"
                                                                   "0200"
                                                                   "0000000000");
}

TEST(Avro, an_error_has_the_text_alone) {
  EXPECT_EQ(avro(error_of("caf\xe9")), kHead +
                                           "020a636166c3a9"
                                           "0000000000000000");
}

TEST(Avro, negative_alarms_are_bytes) {
  EXPECT_EQ(avro(event_of<double>(DbrType::float64, {}, 200, -1).view), kHead +
                                                                            "00"
                                                                            "026f"
                                                                            "0201"
                                                                            "0200"
                                                                            "0000000000");
}

TEST(Avro, a_string_key_has_the_plain_schema) {
  AvroKeyEncoder key;
  Buffer out;
  ASSERT_TRUE(key.encode("chan1", kId, out));
  EXPECT_EQ(hex(out.view()), kHead + "0a" + hex("chan1"));
  EXPECT_EQ(key.schema()->text, "\"string\"");
}

TEST(Avro, the_oldest_schema_has_a_time_and_wide_numbers) {
  const Schema& old = schema_named("org.jlab.epics.ca.value");
  Event event = event_of<float>(DbrType::float32, {1.5f}, 3, 2);
  event.view.stamp_unix_ns = 1'700'000'000'999'999'999;
  EXPECT_EQ(avro(event.view, old), kHead +
                                       "80c49fd50c"
                                       "0206"
                                       "0204"
                                       "0202"
                                       "02000000000000f83f"
                                       "00"
                                       "0000");
  EXPECT_EQ(
      avro_schema_text(old, true),
      R"({"type":"record","name":"value","namespace":"org.jlab.epics.ca","fields":[)"
      R"({"name":"timestamp","type":"long"},)"
      R"({"name":"status","type":["null",{"type":"int","connect.type":"int8"}],"default":null},)"
      R"({"name":"severity","type":["null",{"type":"int","connect.type":"int8"}],"default":null},)"
      R"({"name":"floatValues","type":["null",{"type":"array","items":["null","double"]}],"default":null},)"
      R"({"name":"stringValues","type":["null",{"type":"array","items":["null","string"]}],"default":null},)"
      R"({"name":"intValues","type":["null",{"type":"array","items":["null","long"]}],"default":null}],)"
      R"("connect.doc":"An EPICS Channel Access value","connect.version":1,)"
      R"("connect.name":"org.jlab.epics.ca.value"})");
}

TEST(Protobuf, the_sample_is_the_documented_one) {
  EXPECT_EQ(protobuf(event_of<double>(DbrType::float64, {1.5, 2.0}, 3, 2).view), kHead +
                                                                                     "00"
                                                                                     "1003"
                                                                                     "1802"
                                                                                     "2210"
                                                                                     "000000000000f83f"
                                                                                     "0000000000000040");
}

TEST(Protobuf, the_schema_is_the_java_converters_to_the_byte) {
  EXPECT_EQ(one_line(protobuf_schema_text(epics_ca_dbr_schema())),
            one_line(golden_text("epics_ca_dbr.proto")));
}

TEST(Protobuf, what_is_null_or_zero_or_empty_is_absent) {
  EXPECT_EQ(protobuf(event_of<double>(DbrType::float64, {}).view), kHead + "00");
  EXPECT_EQ(protobuf(error_of("")), kHead + "00");
  EXPECT_EQ(protobuf(event_of<double>(DbrType::float64, {0.0}).view), kHead +
                                                                          "00"
                                                                          "2208"
                                                                          "0000000000000000");
}

TEST(Protobuf, every_native_type_has_its_field_and_negative_ones_take_ten_bytes) {
  EXPECT_EQ(protobuf(event_of<float>(DbrType::float32, {1.0f}).view), kHead +
                                                                          "00"
                                                                          "2a040000803f");
  EXPECT_EQ(protobuf(event_of<int32_t>(DbrType::int32, {1, 300}).view), kHead +
                                                                            "00"
                                                                            "3a03"
                                                                            "01ac02");
  EXPECT_EQ(protobuf(event_of<int16_t>(DbrType::int16, {-1}).view), kHead +
                                                                        "00"
                                                                        "420a"
                                                                        "ffffffffffffffffff01");
  EXPECT_EQ(protobuf(event_of<uint16_t>(DbrType::enum16, {3}).view), kHead +
                                                                         "00"
                                                                         "4201"
                                                                         "03");
  EXPECT_EQ(protobuf(event_of<uint8_t>(DbrType::char8, {200}).view), kHead +
                                                                         "00"
                                                                         "4a0a"
                                                                         "c8ffffffffffffffff01");
  EXPECT_EQ(protobuf(strings({"ab", ""}).view), kHead +
                                                    "00"
                                                    "32026162"
                                                    "3200");
  EXPECT_EQ(protobuf(event_of<double>(DbrType::float64, {}, -1, 0).view), kHead +
                                                                              "00"
                                                                              "10ffffffffffffffffff01");
  EXPECT_EQ(protobuf(error_of("Disconnected")), kHead +
                                                    "00"
                                                    "0a0c" +
                                                    hex("Disconnected"));
}

TEST(Protobuf, a_key_is_a_message_of_one_string) {
  ProtobufKeyEncoder key;
  Buffer out;
  ASSERT_TRUE(key.encode("chan1", kId, out));
  EXPECT_EQ(hex(out.view()), kHead +
                                 "00"
                                 "0a05" +
                                 hex("chan1"));
}

TEST(JsonSchema, the_schema_is_the_java_converters_to_the_byte) {
  EXPECT_EQ(json_schema_text(epics_ca_dbr_schema()), one_line(golden_text("jsonschema.json")));
}

TEST(JsonSchema, the_payload_is_the_plain_json_behind_the_id) {
  const Event event = event_of<double>(DbrType::float64, {1.5, std::nan("")}, 3, 2);
  JsonValueEncoder with_id(epics_ca_dbr_schema(), JsonForm::registry),
      plain(epics_ca_dbr_schema(), JsonForm::plain);
  EventView view = event.view;
  view.schema_id = kId;
  EXPECT_EQ(hex(encode(with_id, view)), kHead + hex(encode(plain, event.view)));
}

TEST(JsonSchema, a_key_is_a_json_string_behind_the_id) {
  JsonKeyEncoder key(JsonForm::registry);
  Buffer out;
  ASSERT_TRUE(key.encode("a\"b", kId, out));
  EXPECT_EQ(hex(out.view()), kHead + hex(R"("a\"b")"));
  EXPECT_EQ(key.schema()->text, R"({"type":"string"})");
}

TEST(RegistryFormats, an_event_that_cannot_be_expressed_leaves_the_buffer_as_it_was) {
  Event truncated = event_of<double>(DbrType::float64, {1.0});
  truncated.view.count = 2;
  const Event unknown = event_of<double>(static_cast<DbrType>(9), {1.0});
  AvroValueEncoder avro_encoder(epics_ca_dbr_schema(), true);
  ProtobufValueEncoder protobuf_encoder(epics_ca_dbr_schema());
  for (ValueEncoder* encoder : std::initializer_list<ValueEncoder*>{&avro_encoder, &protobuf_encoder}) {
    Buffer out;
    out.append("before");
    EXPECT_FALSE(encoder->encode(truncated.view, out));
    EXPECT_FALSE(encoder->encode(unknown.view, out));
    EXPECT_EQ(out.view(), "before");
    EXPECT_TRUE(encoder->encode(event_of<double>(DbrType::float64, {1.0}).view, out));
    EXPECT_TRUE(out.view().starts_with("before"));
  }
}

}  // namespace
}  // namespace e2k::worker
