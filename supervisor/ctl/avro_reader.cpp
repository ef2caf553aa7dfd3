#include <map>
#include <optional>

#include "supervisor/ctl/binary_reader.h"
#include "supervisor/ctl/writer_schema.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;
using Value = std::optional<Json>;  // nothing: the bytes are not of this schema

constexpr int kDeepest = 32;

template <class Number>
Value as_json(std::optional<Number> number) {
  return number ? Value(Json(*number)) : std::nullopt;
}

std::string text_of(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

class AvroReader {
public:
  explicit AvroReader(std::string_view bytes) : in_(bytes) {}

  size_t left() const { return in_.left(); }

  // `space`: the namespace of what stands around it.
  Value value(const Json& schema, const std::string& space, int depth = 0) {
    if (depth > kDeepest) return std::nullopt;
    if (schema.is_array()) return of_union(schema, space, depth);
    if (schema.is_string()) return of_name(schema.get<std::string>(), space, depth);
    if (!schema.is_object() || !schema.contains("type")) return std::nullopt;
    const Json& type = schema["type"];
    if (!type.is_string()) return value(type, space, depth + 1);
    const std::string name = type.get<std::string>();
    const std::string inner = named(schema, space);
    if (name == "record" || name == "error") return record(schema, inner, depth);
    if (name == "array") return array(schema, space, depth);
    if (name == "map") return map(schema, space, depth);
    if (name == "enum") return symbol(schema);
    if (name == "fixed") return as_text(in_.text(schema.value("size", uint64_t{0})));
    return of_name(name, space, depth);
  }

private:
  static Value as_text(std::optional<std::string_view> text) {
    return text ? Value(Json(std::string(*text))) : std::nullopt;
  }

  Value of_name(const std::string& name, const std::string& space, int depth) {
    if (name == "null") return Json();
    if (name == "boolean") {
      const auto byte = in_.text(1);
      return byte ? Value(Json((*byte)[0] != 0)) : std::nullopt;
    }
    if (name == "int" || name == "long") return as_json(in_.zigzag());
    if (name == "float") return as_json(in_.number<float>());
    if (name == "double") return as_json(in_.number<double>());
    if (name == "string" || name == "bytes") return as_text(sized());
    for (const std::string& full : {space + "." + name, name}) {
      const auto found = names_.find(full);
      if (found != names_.end()) return value(*found->second.schema, found->second.space, depth + 1);
    }
    return std::nullopt;
  }

  std::optional<std::string_view> sized() {
    const auto bytes = in_.zigzag();
    return bytes && *bytes >= 0 ? in_.text(static_cast<uint64_t>(*bytes)) : std::nullopt;
  }

  Value of_union(const Json& branches, const std::string& space, int depth) {
    const auto branch = in_.zigzag();
    if (!branch || *branch < 0 || static_cast<uint64_t>(*branch) >= branches.size()) return std::nullopt;
    return value(branches[static_cast<size_t>(*branch)], space, depth + 1);
  }

  // The namespace within a schema, which is known by its name from here on.
  std::string named(const Json& schema, const std::string& space) {
    const std::string name = text_of(schema, "name");
    if (name.empty()) return space;
    const size_t dot = name.rfind('.');
    const std::string inner = dot != std::string::npos       ? name.substr(0, dot)
                              : schema.contains("namespace") ? text_of(schema, "namespace")
                                                             : space;
    const std::string plain = dot == std::string::npos ? name : name.substr(dot + 1);
    names_[inner.empty() ? plain : inner + "." + plain] = {&schema, inner};
    return inner;
  }

  Value record(const Json& schema, const std::string& space, int depth) {
    Json fields = Json::object();
    const auto listed = schema.find("fields");
    if (listed == schema.end() || !listed->is_array()) return std::nullopt;
    for (const Json& field : *listed) {
      if (!field.is_object() || !field.contains("type")) return std::nullopt;
      auto read = value(field["type"], space, depth + 1);
      if (!read) return std::nullopt;
      fields[text_of(field, "name")] = std::move(*read);
    }
    return fields;
  }

  // How many elements the next block has; 0 ends. A negative number is followed by the block's bytes.
  std::optional<uint64_t> block() {
    const auto count = in_.zigzag();
    if (!count) return std::nullopt;
    if (*count >= 0) return static_cast<uint64_t>(*count);
    if (!in_.zigzag()) return std::nullopt;
    return ~static_cast<uint64_t>(*count) + 1;
  }

  Value array(const Json& schema, const std::string& space, int depth) {
    if (!schema.contains("items")) return std::nullopt;
    Json elements = Json::array();
    while (true) {
      const auto count = block();
      if (!count || *count > in_.left()) return std::nullopt;  // no element that is ours takes no byte
      if (*count == 0) return elements;
      for (uint64_t i = 0; i < *count; ++i) {
        auto element = value(schema["items"], space, depth + 1);
        if (!element) return std::nullopt;
        elements.push_back(std::move(*element));
      }
    }
  }

  Value map(const Json& schema, const std::string& space, int depth) {
    if (!schema.contains("values")) return std::nullopt;
    Json members = Json::object();
    while (true) {
      const auto count = block();
      if (!count || *count > in_.left()) return std::nullopt;
      if (*count == 0) return members;
      for (uint64_t i = 0; i < *count; ++i) {
        const auto name = sized();
        auto member = name ? value(schema["values"], space, depth + 1) : std::nullopt;
        if (!member) return std::nullopt;
        members[std::string(*name)] = std::move(*member);
      }
    }
  }

  Value symbol(const Json& schema) {
    const auto number = in_.zigzag();
    const auto symbols = schema.find("symbols");
    if (!number || *number < 0 || symbols == schema.end() ||
        static_cast<uint64_t>(*number) >= symbols->size())
      return std::nullopt;
    return (*symbols)[static_cast<size_t>(*number)];
  }

  struct Named {
    const Json* schema = nullptr;
    std::string space;
  };
  BinaryReader in_;
  std::map<std::string, Named> names_;
};

}  // namespace

tl::expected<Json, std::string> read_avro(const std::string& schema, std::string_view bytes) {
  const Json parsed = Json::parse(schema, nullptr, false);
  if (parsed.is_discarded()) return tl::unexpected(std::string("a schema that is no Avro"));
  AvroReader reader(bytes);
  auto value = reader.value(parsed, "");
  if (!value || reader.left() != 0) return tl::unexpected(std::string("bytes that are not of their schema"));
  return std::move(*value);
}

}  // namespace e2k::supervisor::ctl
