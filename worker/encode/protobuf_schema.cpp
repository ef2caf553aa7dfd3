#include <fmt/format.h>

#include "worker/encode/protobuf_encoder.h"

namespace e2k::worker {
namespace {

struct ProtobufType {
  std::string_view name;
  std::string_view connect_type;  // told as an option where Protobuf has no such type
};

ProtobufType protobuf_type(FieldType type) {
  switch (type) {
    case FieldType::int8:
      return {"int32", "int8"};
    case FieldType::int16:
      return {"int32", "int16"};
    case FieldType::int32:
      return {"int32", ""};
    case FieldType::int64:
      return {"int64", ""};
    case FieldType::float32:
      return {"float", ""};
    case FieldType::float64:
      return {"double", ""};
    case FieldType::string:
      return {"string", ""};
  }
  return {"", ""};
}

std::string option_text(std::string_view connect_type) {
  if (connect_type.empty()) return "";
  return fmt::format(
      " [(confluent.field_meta) = {{\n"
      "    params: [\n"
      "      {{\n"
      "        key: \"connect.type\",\n"
      "        value: \"{}\"\n"
      "      }}\n"
      "    ]\n"
      "  }}]",
      connect_type);
}

}  // namespace

std::string protobuf_schema_text(const Schema& schema) {
  const size_t dot = schema.name.rfind('.');
  std::string text = fmt::format("syntax = \"proto3\";\npackage {};\n\nmessage {} {{\n",
                                 schema.name.substr(0, dot), schema.name.substr(dot + 1));
  size_t number = 0;
  for (const Field& field : schema.fields) {
    const ProtobufType type = protobuf_type(field.type);
    text += fmt::format("  {}{} {} = {}{};\n", field.source == FieldSource::values ? "repeated " : "",
                        type.name, field.name, ++number, option_text(type.connect_type));
  }
  return text + "}\n";
}

}  // namespace e2k::worker
