#include "worker/encode/json_schema_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/encode/json_string.h"

namespace e2k::worker {
namespace {

struct JsonType {
  std::string_view name;
  std::string_view connect_type;  // "": JSON's own tells it
};

JsonType json_type(FieldType type) {
  switch (type) {
    case FieldType::int8:
      return {"integer", "int8"};
    case FieldType::int16:
      return {"integer", "int16"};
    case FieldType::int32:
      return {"integer", "int32"};
    case FieldType::int64:
      return {"integer", "int64"};
    case FieldType::float32:
      return {"number", "float32"};
    case FieldType::float64:
      return {"number", "float64"};
    case FieldType::string:
      return {"string", ""};
  }
  return {"", ""};
}

// The bucket of a key in a HashMap of the default size, which holds up to twelve keys without growing.
uint32_t hash_map_bucket(std::string_view key) {
  uint32_t hash = 0;
  for (const char c : key) hash = 31 * hash + static_cast<unsigned char>(c);
  return (hash ^ hash >> 16) & 15;
}

struct Property {
  const Field* field;
  size_t index;
};

std::vector<Property> in_javas_order(const Schema& schema) {
  std::vector<Property> properties;
  for (const Field& field : schema.fields) properties.push_back({&field, properties.size()});
  std::ranges::stable_sort(properties, {}, [](const Property& p) { return hash_map_bucket(p.field->name); });
  return properties;
}

class Text {
public:
  std::string of(const Schema& schema) {
    out_.append(R"({"type":"object","title":)");
    append_json_string(schema.name, out_);
    append_description(schema.doc);
    out_.append(",\"connect.version\":" + std::to_string(schema.version) + ",\"properties\":{");
    bool first = true;
    for (const Property& property : in_javas_order(schema)) {
      if (!std::exchange(first, false)) out_.append(",");
      append_property(property);
    }
    out_.append("}}");
    return std::string(out_.view());
  }

private:
  void append_property(const Property& property) {
    const Field& field = *property.field;
    append_json_string(field.name, out_);
    const std::string index = "\"connect.index\":" + std::to_string(property.index);
    if (!field.optional) {
      out_.append(":{");
      append_type(field, index);
      out_.append("}");
      return;
    }
    out_.append(":{" + index + R"(,"oneOf":[{"type":"null"},{)");
    append_type(field, "");
    out_.append("}]}");
  }

  // `members`: what goes before connect.type.
  void append_type(const Field& field, const std::string& members) {
    if (field.source == FieldSource::values) {
      out_.append(R"("type":"array")");
      append_description(field.doc);
      out_.append(R"(,"items":{"oneOf":[{"type":"null"},{)");
      append_scalar(field.type, "", "");
      out_.append("}]}");
    } else {
      append_scalar(field.type, field.doc, members);
    }
  }

  void append_scalar(FieldType type, std::string_view doc, const std::string& members) {
    const JsonType json = json_type(type);
    out_.append("\"type\":");
    append_json_string(json.name, out_);
    append_description(doc);
    if (!members.empty()) out_.append("," + members);
    if (json.connect_type.empty()) return;
    out_.append(",\"connect.type\":");
    append_json_string(json.connect_type, out_);
  }

  void append_description(std::string_view doc) {
    if (doc.empty()) return;
    out_.append(",\"description\":");
    append_json_string(doc, out_);
  }

  Buffer out_;
};

}  // namespace

std::string json_schema_text(const Schema& schema) {
  return Text().of(schema);
}

}  // namespace e2k::worker
