#include "worker/encode/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

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
  EXPECT_TRUE((*made)->encode(text, out));
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
              HasSubstr("\"json-schema-envelope\" instead"));
  EXPECT_THAT(value_error("json-schema-envelope", {{"schemas.enable", "false"}}),
              HasSubstr("\"json\" instead"));
}

TEST(Encoder, what_is_unknown_is_refused_by_name_with_what_is_accepted) {
  EXPECT_THAT(value_error("xml", {}), AllOf(HasSubstr("'xml'"), HasSubstr("json, json-schema-envelope")));
  EXPECT_THAT(value_error("json", {{"decimal.format", "BASE64"}}),
              AllOf(HasSubstr("'decimal.format'"), HasSubstr("schemas.enable")));
  EXPECT_THAT(value_error("json", {{"schemas.enable", "maybe"}}),
              AllOf(HasSubstr("'maybe'"), HasSubstr("true, false")));
  EXPECT_THAT(value_error("json", {}, "EPICS"), AllOf(HasSubstr("'EPICS'"), HasSubstr("EPICS_CA_DBR")));
  EXPECT_THAT(key("string", {{"schemas.enable", "false"}}, "c"), HasSubstr("takes no options"));
  EXPECT_THAT(key("bytes", {}, "c"), AllOf(HasSubstr("key.converter"), HasSubstr("string")));
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
}

}  // namespace
}  // namespace e2k::worker
