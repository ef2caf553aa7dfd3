#include "worker/encode/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/unit/encode/events.h"

namespace e2k::worker {
namespace {

using testing::HasSubstr;

constexpr char kJsonConverter[] = "org.apache.kafka.connect.json.JsonConverter";
constexpr char kStringConverter[] = "org.apache.kafka.connect.storage.StringConverter";

std::string value_error(const std::string& converter, const ConverterOptions& options,
                        const std::string& schema = "EPICS_CA_DBR") {
  const auto made = make_value_encoder(converter, schema, options);
  return made ? "(accepted)" : made.error().message;
}

bool has_envelope(const std::string& converter, const ConverterOptions& options) {
  const auto made = make_value_encoder(converter, "EPICS_CA_DBR", options);
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  EventView event;
  event.is_error = true;
  Buffer out;
  EXPECT_TRUE((*made)->encode(event, out));
  return out.view().starts_with(R"({"schema":)");
}

std::string key(const std::string& converter, const ConverterOptions& options, std::string_view text) {
  const auto made = make_key_encoder(converter, options);
  if (!made) return made.error().message;
  Buffer out;
  EXPECT_TRUE((*made)->encode(text, 0, out));
  return std::string(out.view());
}

TEST(Encoder, short_names_say_whether_there_is_an_envelope) {
  EXPECT_FALSE(has_envelope("json", {}));
  EXPECT_FALSE(has_envelope("json", {{"schemas.enable", "false"}}));
  EXPECT_TRUE(has_envelope("json-schema-envelope", {}));
  EXPECT_TRUE(has_envelope("json-schema-envelope", {{"schemas.enable", "true"}}));
}

TEST(Encoder, the_class_name_brings_connects_defaults) {
  EXPECT_TRUE(has_envelope(kJsonConverter, {}));
  EXPECT_FALSE(has_envelope(kJsonConverter, {{"schemas.enable", "False"}}));
}

TEST(Encoder, an_option_that_contradicts_the_short_name_is_refused_with_the_name_to_use) {
  EXPECT_THAT(value_error("json", {{"schemas.enable", "true"}}),
              HasSubstr("name the converter json-schema-envelope"));
  EXPECT_THAT(value_error("json-schema-envelope", {{"schemas.enable", "false"}}),
              HasSubstr("name the converter json instead"));
}

TEST(Encoder, what_is_unknown_is_refused_by_name_with_what_is_accepted) {
  EXPECT_THAT(value_error("xml", {}), AllOf(HasSubstr("\"xml\""), HasSubstr("json, json-schema-envelope")));
  EXPECT_THAT(value_error("json", {{"schema.registry.url", "http://r"}}),
              AllOf(HasSubstr("value.options.schema.registry.url"), HasSubstr("schemas.enable")));
  EXPECT_THAT(value_error("json", {{"schemas.enable", "maybe"}}),
              AllOf(HasSubstr("\"maybe\""), HasSubstr("true, false")));
  EXPECT_THAT(value_error("json", {}, "EPICS"), AllOf(HasSubstr("'EPICS'"), HasSubstr("EPICS_CA_DBR")));
  EXPECT_THAT(key("string", {{"schemas.enable", "false"}}, "c"),
              HasSubstr("no option of the converter string"));
  EXPECT_THAT(key("bytes", {}, "c"), AllOf(HasSubstr("key.converter"), HasSubstr("string")));
  EXPECT_THAT(key("plugin:/x.so", {}, "c"), HasSubstr("values only"));
}

TEST(Encoder, options_of_connect_that_change_nothing_are_accepted_and_those_that_would_are_not) {
  EXPECT_EQ(value_error("json", {{"decimal.format", "BASE64"}, {"schemas.cache.size", "1000"}}),
            "(accepted)");
  EXPECT_EQ(value_error("protobuf", {{"wrapper.for.nullables", "false"}}), "(accepted)");
  EXPECT_THAT(value_error("protobuf", {{"wrapper.for.nullables", "true"}}),
              AllOf(HasSubstr("is not carried out"), HasSubstr("accepted: false")));
}

TEST(Encoder, every_converter_is_made_by_its_short_name_and_by_connects_class) {
  for (const char* name :
       {"json", "json-schema-envelope", "string", "msgpack", "avro", "protobuf", "jsonschema",
        "org.apache.kafka.connect.json.JsonConverter", "org.apache.kafka.connect.storage.StringConverter",
        "org.apache.kafka.connect.converters.ByteArrayConverter", "io.confluent.connect.avro.AvroConverter",
        "io.confluent.connect.protobuf.ProtobufConverter", "io.confluent.connect.json.JsonSchemaConverter"}) {
    EXPECT_EQ(value_error(name, {}), "(accepted)") << name;
    EXPECT_TRUE(make_key_encoder(name, {})) << name;
  }
}

TEST(Encoder, those_with_a_schema_say_what_is_to_be_registered) {
  for (const char* name : {"avro", "protobuf", "jsonschema"}) {
    const auto value = make_value_encoder(name, "EPICS_CA_DBR", {});
    ASSERT_NE((*value)->schema(), nullptr) << name;
    EXPECT_EQ((*value)->schema()->record_name, "org.jlab.kafka.connect.EPICS_CA_DBR");
    const auto key = make_key_encoder(name, {});
    ASSERT_NE((*key)->schema(), nullptr) << name;
    EXPECT_EQ((*key)->schema()->record_name, "") << name;  // a subject of that name would be everybody's
  }
  for (const char* name : {"json", "string", "msgpack"}) {
    EXPECT_EQ((*make_value_encoder(name, "EPICS_CA_DBR", {}))->schema(), nullptr) << name;
    EXPECT_EQ((*make_key_encoder(name, {}))->schema(), nullptr) << name;
  }
}

TEST(Encoder, older_schemas_have_no_place_for_errors_in_any_format) {
  for (const char* name :
       {"json", "json-schema-envelope", "string", "msgpack", "avro", "protobuf", "jsonschema"}) {
    EXPECT_TRUE((*make_value_encoder(name, "EPICS_CA_DBR", {}))->takes_errors()) << name;
    for (const char* schema : {"EPICS_CA_DBR-1.5", "org.jlab.epics.ca.value"}) {
      const auto encoder = make_value_encoder(name, schema, {});
      ASSERT_TRUE(encoder) << encoder.error().message;
      EXPECT_FALSE((*encoder)->takes_errors()) << name;
      EventView event;
      event.is_error = true;
      Buffer out;
      EXPECT_FALSE((*encoder)->encode(event, out)) << name;
    }
  }
}

TEST(Encoder, keys_are_text_or_json) {
  std::ifstream in(std::string(E2K_GOLDEN_DIR) + "/json-key-envelope.json");
  std::string envelope;
  std::getline(in, envelope);
  EXPECT_EQ(key("string", {}, "chan1"), "chan1");
  EXPECT_EQ(key(kStringConverter, {}, "a\"b"), "a\"b");
  EXPECT_EQ(key("string", {}, "caf\xe9"), "caf\u00e9");
  EXPECT_EQ(key("json", {}, "a\"b"), R"("a\"b")");
  EXPECT_EQ(key("json-schema-envelope", {}, "chan1"), envelope);
  EXPECT_EQ(key(kJsonConverter, {}, "chan1"), envelope);
  EXPECT_EQ(hex(key("msgpack", {}, "chan1")), "a5" + hex("chan1"));
}

}  // namespace
}  // namespace e2k::worker
