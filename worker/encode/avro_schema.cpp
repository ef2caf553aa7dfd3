#include "worker/encode/avro_encoder.h"
#include "worker/encode/json_string.h"

namespace e2k::worker {
namespace {

struct AvroType {
  std::string_view name;
  std::string_view connect_type;  // told with the meta data where Avro has no such type
};

AvroType avro_type(FieldType type) {
  switch (type) {
    case FieldType::int8:
      return {"int", "int8"};
    case FieldType::int16:
      return {"int", "int16"};
    case FieldType::int32:
      return {"int", ""};
    case FieldType::int64:
      return {"long", ""};
    case FieldType::float32:
      return {"float", ""};
    case FieldType::float64:
      return {"double", ""};
    case FieldType::string:
      return {"string", ""};
  }
  return {"", ""};
}

class Text {
public:
  explicit Text(bool meta_data) : meta_data_(meta_data) {}

  std::string of(const Schema& schema) {
    const size_t dot = schema.name.rfind('.');
    out_.append(R"({"type":"record","name":)");
    append_json_string(schema.name.substr(dot + 1), out_);
    out_.append(R"(,"namespace":)");
    append_json_string(schema.name.substr(0, dot), out_);
    out_.append(R"(,"fields":[)");
    for (const Field& field : schema.fields) {
      if (&field != schema.fields.data()) out_.append(",");
      append_field(field);
    }
    out_.append("]");
    if (meta_data_) {
      append_doc(schema.doc);
      out_.append(",\"connect.version\":" + std::to_string(schema.version) + ",\"connect.name\":");
      append_json_string(schema.name, out_);
    }
    out_.append("}");
    return std::string(out_.view());
  }

private:
  void append_field(const Field& field) {
    out_.append(R"({"name":)");
    append_json_string(field.name, out_);
    out_.append(R"(,"type":)");
    if (field.optional) out_.append("[\"null\",");
    if (field.source == FieldSource::values)
      append_array(field);
    else
      append_scalar(field.type, field.doc);
    out_.append(field.optional ? "],\"default\":null}" : "}");
  }

  void append_array(const Field& field) {
    out_.append(R"({"type":"array","items":["null",)");
    append_scalar(field.type, "");
    out_.append("]");
    if (meta_data_) append_doc(field.doc);
    out_.append("}");
  }

  void append_scalar(FieldType type, std::string_view doc) {
    const AvroType avro = avro_type(type);
    const bool told = meta_data_ && !(doc.empty() && avro.connect_type.empty());
    if (told) out_.append("{\"type\":");
    append_json_string(avro.name, out_);
    if (!told) return;
    append_doc(doc);
    if (!avro.connect_type.empty()) {
      out_.append(",\"connect.type\":");
      append_json_string(avro.connect_type, out_);
    }
    out_.append("}");
  }

  void append_doc(std::string_view doc) {
    if (doc.empty()) return;
    out_.append(",\"connect.doc\":");
    append_json_string(doc, out_);
  }

  const bool meta_data_;
  Buffer out_;
};

}  // namespace

std::string avro_schema_text(const Schema& schema, bool meta_data) {
  return Text(meta_data).of(schema);
}

}  // namespace e2k::worker
