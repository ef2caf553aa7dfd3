#include "worker/registry/wire_form.h"

#include <gtest/gtest.h>

#include <string>

namespace e2k::worker {
namespace {

bool same(std::string_view type, std::string_view ours, std::string_view theirs) {
  return !form_difference(type, ours, theirs) && !form_difference(type, theirs, ours);
}
bool avro(std::string_view ours, std::string_view theirs) {
  return same("AVRO", ours, theirs);
}
bool protobuf(std::string_view ours, std::string_view theirs) {
  return same("PROTOBUF", ours, theirs);
}

bool same_json(std::string_view ours, std::string_view theirs) {
  return same("JSON", ours, theirs);
}

constexpr std::string_view kAvro = R"({"type":"record","name":"R","namespace":"n","fields":[
  {"name":"a","type":["null",{"type":"int","connect.type":"int8","connect.doc":"d"}],"default":null},
  {"name":"b","type":{"type":"array","items":"double"}}]})";

TEST(AvroForm, what_people_read_does_not_matter) {
  EXPECT_TRUE(avro(kAvro, kAvro));
  EXPECT_TRUE(avro(kAvro, R"({"doc":"x","aliases":["Q"],"connect.name":"y","fields":[
    {"type":["null","int"],"name":"a"},{"name":"b","doc":"z","type":{"items":{"type":"double"},"type":"array"}}],
    "name":"n.R","type":"record"})"));
  EXPECT_TRUE(avro(R"("string")", R"({"type":"string"})"));
  EXPECT_TRUE(avro(R"("string")", R"({"type":"string","avro.java.string":"String","order":"ascending"})"));
}

TEST(AvroForm, what_shapes_the_bytes_does) {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(kAvro);
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  EXPECT_FALSE(avro(kAvro, with("double", "float")));
  EXPECT_FALSE(avro(kAvro, with("\"null\",", "")));
  EXPECT_FALSE(avro(kAvro, with("\"name\":\"a\"", "\"name\":\"c\"")));
  EXPECT_FALSE(avro(kAvro, with("\"name\":\"R\"", "\"name\":\"S\"")));
  EXPECT_FALSE(avro(kAvro, with("\"namespace\":\"n\"", "\"namespace\":\"m\"")));
  EXPECT_FALSE(
      avro(R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]})",
           R"({"type":"record","name":"R","fields":[{"name":"b","type":"int"},{"name":"a","type":"int"}]})"));
  EXPECT_FALSE(avro(R"("long")", R"({"type":"long","logicalType":"timestamp-millis"})"));
  EXPECT_FALSE(avro(R"(["null","int"])", R"(["int","null"])"));
}

TEST(AvroForm, garbage_is_another_form) {
  EXPECT_FALSE(avro("{", "{"));
  EXPECT_FALSE(avro("", ""));
  const std::string deep(100'000, '[');
  EXPECT_FALSE(avro(deep, deep));
  const std::string closed = deep + std::string(100'000, ']');
  EXPECT_FALSE(avro(closed, closed));
  EXPECT_FALSE(avro(kAvro, closed));
}

constexpr std::string_view kProtobuf = R"(syntax = "proto3";
package n;
message M {
  string error = 1;
  repeated double values = 4 [(meta) = { params: [ { key: "a;]", value: "int8" } ] }];
}
)";

TEST(ProtobufForm, what_people_read_does_not_matter) {
  EXPECT_TRUE(protobuf(kProtobuf, kProtobuf));
  EXPECT_TRUE(protobuf(kProtobuf, R"(// of a generator
syntax="proto3" ;  /* here ] { */ package n;
import "confluent/meta.proto";
import public "x.proto";
option java_package = "org.example;";
option (file) = { a: 1; };
message M{option deprecated = true; string error=1;repeated double values=4;})"));
}

TEST(ProtobufForm, what_shapes_the_bytes_does) {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(kProtobuf);
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  EXPECT_FALSE(protobuf(kProtobuf, with("double", "float")));
  EXPECT_FALSE(protobuf(kProtobuf, with("= 4", "= 5")));
  EXPECT_FALSE(protobuf(kProtobuf, with("repeated ", "")));
  EXPECT_FALSE(protobuf(kProtobuf, with("proto3", "proto2")));
  EXPECT_FALSE(protobuf(kProtobuf, with("package n;", "package nm;")));
  EXPECT_FALSE(protobuf(kProtobuf, with("message M", "message L { }\nmessage M")));
  EXPECT_FALSE(protobuf("int32 a", "int32a"));
}

TEST(ProtobufForm, fields_may_bear_the_names_of_statements) {
  EXPECT_FALSE(protobuf("message M { string option = 1; }", "message M { }"));
  EXPECT_FALSE(protobuf("message M { string import = 1; }", "message M { string other = 1; }"));
}

TEST(ProtobufForm, unended_text_is_harmless) {
  for (const std::string_view text : {"/*", "//", "\"abc\\", "'", "[", "import", "option {", "/", "]", "}"})
    EXPECT_TRUE(protobuf(text, text)) << text;
}

constexpr std::string_view kJson = R"({"type":"object","title":"n.R","connect.version":1,"properties":{
  "a":{"connect.index":0,"oneOf":[{"type":"null"},{"type":"integer","description":"d","connect.type":"int8"}]},
  "b":{"connect.index":1,"oneOf":[{"type":"null"},
       {"type":"array","items":{"oneOf":[{"type":"null"},{"type":"number"}]}}]}}})";

TEST(JsonForm, what_people_read_does_not_matter) {
  EXPECT_TRUE(same_json(kJson, kJson));
  EXPECT_TRUE(same_json(kJson, R"({"$schema":"http://json-schema.org/draft-07/schema#","properties":{
    "b":{"title":"t","anyOf":[{"type":"array","items":{"type":["number","null"]}},{"type":"null"}]},
    "a":{"type":["integer","null"],"default":null}},"additionalProperties":false,"type":"object"})"));
  EXPECT_TRUE(same_json(R"({"type":"string"})", R"({"type":["string"],"description":"a key"})"));
}

TEST(JsonForm, names_and_types_of_properties_do) {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(kJson);
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  EXPECT_FALSE(same_json(kJson, with("\"object\"", "\"array\"")));
  EXPECT_FALSE(same_json(kJson, with("\"integer\"", "\"number\"")));
  EXPECT_FALSE(same_json(kJson, with("\"number\"", "\"integer\"")));
  EXPECT_FALSE(same_json(kJson, with("\"array\"", "\"object\"")));
  EXPECT_FALSE(same_json(kJson, with("{\"type\":\"null\"},", "")));
  EXPECT_FALSE(same_json(kJson, with("\"a\":", "\"c\":")));
  EXPECT_FALSE(same_json(kJson, with("\"a\":", "\"c\":{\"type\":\"string\"},\"a\":")));
  EXPECT_FALSE(same_json(kJson, R"({"type":"string"})"));
  EXPECT_FALSE(same_json(kJson, "{}"));
}

TEST(JsonForm, keyword_that_is_not_understood_is_another_form) {
  const auto with = [](std::string_view added) { return std::string(kJson).insert(1, added); };
  for (const char* added :
       {R"("required":["a"],)", R"("oneOf":[{"type":"object"}],)", R"("maxProperties":1,)"})
    EXPECT_FALSE(same_json(kJson, with(added))) << added;
  EXPECT_FALSE(same_json(R"({"type":"string"})", R"({"type":"string","enum":["a"]})"));
  EXPECT_FALSE(same_json(R"({"type":"string"})", R"({"$ref":"other.json"})"));
  EXPECT_FALSE(same_json(R"({"type":"string"})", "true"));
}

TEST(JsonForm, garbage_is_another_form) {
  EXPECT_FALSE(same_json("{", "{"));
  EXPECT_FALSE(same_json(kJson, "anything"));
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_FALSE(same_json(deep, deep));
  for (const char* odd :
       {"1", "null", "[]", R"({"type":5})", R"({"oneOf":"x"})", R"({"type":"object","properties":[1]})",
        R"({"type":["object","array"],"items":7})", R"({"anyOf":null})"})
    EXPECT_TRUE(same_json(odd, odd)) << odd;
}

TEST(FormDifference, names_a_place_in_our_schema) {
  EXPECT_EQ(form_difference("AVRO", kAvro, R"({"type":"record","name":"n.R","fields":[]})"),
            "in the field \"a\"");
  EXPECT_EQ(form_difference("AVRO", R"({"type":"record","name":"n.R","fields":[]})", kAvro),
            "in fields behind ours");
  EXPECT_EQ(form_difference("AVRO", kAvro, R"({"type":"record","name":"n.Q","fields":[]})"),
            "in the record's name");
  EXPECT_EQ(form_difference("AVRO", kAvro, R"("string")"), "");
  EXPECT_EQ(form_difference("PROTOBUF", "message M { string a = 1; int32 b = 2; }",
                            "message M { string a = 1; int64 b = 2; }"),
            "in \"int32 b = 2\"");
  EXPECT_EQ(form_difference("PROTOBUF", "message M { }", "message M { } message N { }"),
            "in what ours has not");
  EXPECT_EQ(form_difference("JSON", kJson, R"({"type":"object","properties":{}})"), "in the property \"a\"");
  EXPECT_EQ(form_difference("JSON", R"({"type":"object","properties":{}})", kJson),
            "in properties that ours has not");
  EXPECT_EQ(form_difference("JSON", kJson, "{"), "");
}

}  // namespace
}  // namespace e2k::worker
