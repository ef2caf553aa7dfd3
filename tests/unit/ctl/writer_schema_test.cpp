// Records in Avro and Protobuf as this program writes them, byte for byte, read back with the schema's text
// as a registry holds it. The encoders' own tests hold the same bytes against Java's.
#include "supervisor/ctl/writer_schema.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/hex.h"
#include "supervisor/ctl/record_line.h"

namespace e2k::supervisor::ctl {
namespace {

std::string golden(const char* name) {
  std::ifstream in(std::string(E2K_GOLDEN_DIR) + "/" + name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(byte_of_hex(hex[i], hex[i + 1]).value_or(0));
  return bytes;
}

// Behind schema id 258.
std::string line_of(const WriterSchema& schema, std::string_view hex) {
  const auto value = read_value(bytes_of("0000000102") + bytes_of(hex),
                                [&](uint32_t id) -> tl::expected<WriterSchema, std::string> {
                                  EXPECT_EQ(id, 258U);
                                  return schema;
                                });
  return value ? record_line("a", "T", *value).substr(33) : value.error();
}

const WriterSchema& avro() {
  static const WriterSchema schema{WriterSchema::Form::avro, golden("avro-schema.json")};
  return schema;
}
const WriterSchema& protobuf() {
  static const WriterSchema schema{WriterSchema::Form::protobuf, golden("epics_ca_dbr.proto")};
  return schema;
}

TEST(WriterSchema, avro_is_read_in_every_native_type) {
  std::string sample = golden("avro-sample.hex");
  sample = sample.substr(sample.starts_with("0001020304") ? 10 : 0);
  while (sample.ends_with('\n')) sample.pop_back();
  EXPECT_EQ(line_of(avro(), sample), "2 1.5 2 HIHI MAJOR");
  EXPECT_EQ(line_of(avro(),
                    "00020002000002020200008"
                    "03f0000000000"),
            "1");
  EXPECT_EQ(line_of(avro(),
                    "0002000200000000020402010280010000"
                    "00"),
            "2 -1 64");
  EXPECT_EQ(line_of(avro(),
                    "0002000200000000000202"
                    "02ffff030000"),
            "-32768");
  EXPECT_EQ(line_of(avro(),
                    "000200020000000000000202"
                    "026f00"),
            "-56");
  EXPECT_EQ(line_of(avro(),
                    "000200020000000204020461620200"
                    "00000000"),
            "2 ab ");
  EXPECT_EQ(line_of(avro(),
                    "0002000200020000000000"
                    "00"),
            "0");
  EXPECT_EQ(line_of(avro(), "020a636166c3a90000000000000000"), "*** caf\xc3\xa9");
}

TEST(WriterSchema, avro_of_the_oldest_release_is_read) {
  const WriterSchema old{
      WriterSchema::Form::avro,
      R"({"type":"record","name":"value","namespace":"org.jlab.epics.ca","fields":[)"
      R"({"name":"timestamp","type":"long"},)"
      R"({"name":"status","type":["null",{"type":"int","connect.type":"int8"}],"default":null},)"
      R"({"name":"severity","type":["null",{"type":"int","connect.type":"int8"}],"default":null},)"
      R"({"name":"floatValues","type":["null",{"type":"array","items":["null","double"]}],"default":null},)"
      R"({"name":"stringValues","type":["null",{"type":"array","items":["null","string"]}],"default":null},)"
      R"({"name":"intValues","type":["null",{"type":"array","items":["null","long"]}],"default":null}]})"};
  EXPECT_EQ(line_of(old, "80c49fd50c02060204020202000000000000f83f000000"), "1.5 HIHI MAJOR");
}

TEST(WriterSchema, avro_of_any_other_type_is_read_too) {
  const char* schema =
      R"({"type":"record","name":"r","namespace":"n","fields":[
      {"name":"b","type":"boolean"},{"name":"e","type":{"type":"enum","name":"E","symbols":["x","y"]}},
      {"name":"f","type":{"type":"fixed","name":"F","size":2}},{"name":"m","type":{"type":"map","values":"int"}},
      {"name":"again","type":["null","n.E"]}]})";
  const auto read = read_avro(schema, bytes_of("01026162020261030002"
                                               "00"));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->dump(), R"({"again":"x","b":true,"e":"y","f":"ab","m":{"a":-2}})");
}

TEST(WriterSchema, protobuf_is_read_in_every_native_type) {
  EXPECT_EQ(line_of(protobuf(), "00100318022210000000000000f83f0000000000000040"), "2 1.5 2 HIHI MAJOR");
  EXPECT_EQ(line_of(protobuf(), "002a040000803f"), "1");
  EXPECT_EQ(line_of(protobuf(), "003a0301ac02"), "2 1 300");
  EXPECT_EQ(line_of(protobuf(), "00420affffffffffffffffff01"), "-1");
  EXPECT_EQ(line_of(protobuf(), "004a0ac8ffffffffffffffff01"), "-56");
  EXPECT_EQ(line_of(protobuf(), "00320261623200"), "2 ab ");
  EXPECT_EQ(line_of(protobuf(), "000a0c446973636f6e6e6563746564"), "*** Disconnected");
  EXPECT_EQ(line_of(protobuf(), "00"), "0");
}

TEST(WriterSchema, protobuf_of_another_message_and_with_unknown_fields_is_read) {
  const WriterSchema two{WriterSchema::Form::protobuf, R"(syntax = "proto3"; package a; // message X {
      message Other { string value = 1; message Inner { int32 z = 1; } }
      message V { int64 timestamp = 1; int32 status = 2; int32 severity = 3; repeated double floatValues = 4; })"};
  // The second message; unknown fields of each wire type; a number that is not packed.
  EXPECT_EQ(line_of(two,
                    "0202"
                    "08d209"
                    "5001"
                    "590000000000000000"
                    "62020102"
                    "6d00000000"
                    "21000000000000f83f"),
            "1.5");
}

TEST(WriterSchema, bytes_that_are_not_of_their_schema_are_told_and_never_run_past_their_end) {
  const std::string sample = golden("avro-sample.hex");
  for (size_t cut = 0; cut + 2 < 40; cut += 2)
    EXPECT_NE(line_of(avro(), "00" + sample.substr(2, cut)).find("not of their schema"), std::string::npos)
        << cut;
  EXPECT_NE(line_of(avro(), "00020002ffffffffffffffffff01").find("not of their schema"), std::string::npos);
  for (const char* hex : {"0022", "002210", "0022ffffffffffffffffff01", "00ff", "04", "02", "0210", "0007"})
    EXPECT_NE(line_of(protobuf(), hex).find("not of their schema"), std::string::npos) << hex;
  EXPECT_FALSE(read_avro("{", "x"));
  EXPECT_FALSE(read_avro(R"({"type":"record","name":"r","fields":[{"name":"r","type":"r"}]})", "x"));
}

}  // namespace
}  // namespace e2k::supervisor::ctl
