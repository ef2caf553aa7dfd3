#include "supervisor/ctl/record_line.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "supervisor/ctl/binary_reader.h"
#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

// Of the wire format with a registry: a zero byte and the schema's id, big-endian.
constexpr size_t kWireHead = 5;
constexpr std::string_view kStruct = "Struct{";

// alarm.h and alarmString.h of EPICS Base.
constexpr auto kStatuses = std::to_array<const char*>(
    {"NO_ALARM", "READ", "WRITE",   "HIHI",    "HIGH",        "LOLO",        "LOW",  "STATE",
     "COS",      "COMM", "TIMEOUT", "HWLIMIT", "CALC",        "SCAN",        "LINK", "SOFT",
     "BAD_SUB",  "UDF",  "DISABLE", "SIMM",    "READ_ACCESS", "WRITE_ACCESS"});
constexpr auto kSeverities = std::to_array<const char*>({"NO_ALARM", "MINOR", "MAJOR", "INVALID"});

template <size_t N>
std::string name_of(const std::array<const char*, N>& names, int number) {
  return number >= 0 && static_cast<size_t>(number) < N ? names[static_cast<size_t>(number)]
                                                        : std::to_string(number);
}

// Of floats that travelled as doubles the digits of a float.
std::string number_text(double value) {
  const auto as_float = static_cast<float>(value);
  return static_cast<double>(as_float) == value ? fmt::format("{}", as_float) : fmt::format("{}", value);
}

std::string element_text(const Json& element) {
  if (element.is_string()) return element.get<std::string>();
  if (element.is_number_float()) return number_text(element.get<double>());
  return element.dump(-1, ' ', false, Json::error_handler_t::replace);
}

tl::expected<RecordValue, std::string> value_of(const Json& json) {
  const Json& fields = json.contains("payload") && json.contains("schema") ? json["payload"] : json;
  if (!fields.is_object()) return tl::unexpected(std::string("no record of epics2kafka"));
  RecordValue value;
  bool is_known = false;
  for (const auto& [name, field] : fields.items()) {
    if (field.is_null()) {
      is_known = is_known || name.ends_with("Values");
    } else if (name == "error" && field.is_string()) {
      value.error = field.get<std::string>();
      is_known = true;
    } else if (name == "status" && field.is_number_integer()) {
      value.status = field.get<int>();
    } else if (name == "severity" && field.is_number_integer()) {
      value.severity = field.get<int>();
    } else if (name.ends_with("Values") && field.is_array()) {
      is_known = true;
      for (const Json& element : field) value.elements.push_back(element_text(element));
    }
  }
  if (!is_known) return tl::unexpected(std::string("no record of epics2kafka"));
  return value;
}

int whole(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Java's "2.0" is the 2 of all other forms; NaN and infinities stay as they are.
std::string as_other_forms(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_finite_number =
      error == std::errc() && end == text.data() + text.size() && std::isfinite(number);
  return is_finite_number ? number_text(number) : std::string(text);
}

// Struct{error=…} or Struct{status=3,severity=2,doubleValues=[1.5, 2.0]}. A string may hold whatever it
// likes, so that strings are not taken apart.
tl::expected<RecordValue, std::string> value_of_struct(std::string_view text) {
  if (!text.ends_with('}')) return tl::unexpected(std::string("a Struct that is cut"));
  text = text.substr(kStruct.size(), text.size() - kStruct.size() - 1);
  RecordValue value;
  if (text.starts_with("error=")) {
    value.error = text.substr(6);
    return value;
  }
  while (!text.empty()) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return tl::unexpected(std::string("no record of epics2kafka"));
    const std::string_view name = text.substr(0, equals);
    text.remove_prefix(equals + 1);
    if (name.ends_with("Values") && text.starts_with('[') && text.ends_with(']')) {
      std::string_view list = text.substr(1, text.size() - 2);
      if (name == "stringValues") {
        value.elements.emplace_back(list);
        return value;
      }
      while (!list.empty()) {
        const size_t comma = list.find(", ");
        value.elements.push_back(as_other_forms(list.substr(0, comma)));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 2);
      }
      return value;
    }
    const size_t comma = text.find(',');
    if (name == "status") value.status = whole(text.substr(0, comma));
    if (name == "severity") value.severity = whole(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return value;
}

tl::expected<RecordValue, std::string> value_by_schema(std::string_view bytes, const WriterSchemas& schemas) {
  const auto id = BinaryReader(bytes.substr(1)).number<uint32_t>();
  if (!id) return tl::unexpected(std::string("a value that is cut"));
  const uint32_t number = __builtin_bswap32(*id);
  const auto schema = schemas(number);
  if (!schema) return tl::unexpected(schema.error());
  bytes.remove_prefix(kWireHead);
  const auto json = schema->form == WriterSchema::Form::avro       ? read_avro(schema->text, bytes)
                    : schema->form == WriterSchema::Form::protobuf ? read_protobuf(schema->text, bytes)
                                                                   : Json::parse(bytes, nullptr, false);
  if (!json) return tl::unexpected(fmt::format("{} (schema id {})", json.error(), number));
  return value_of(*json);
}

bool is_json_key(std::string_view bytes, std::string_view key) {
  const Json json = Json::parse(bytes, nullptr, false);
  if (json.is_string()) return json.get_ref<const std::string&>() == key;
  return json.is_object() && json.value("payload", Json()) == std::string(key);
}

std::string msgpack_key(std::string_view key) {
  const auto bytes = Json::to_msgpack(Json(std::string(key)));
  return {bytes.begin(), bytes.end()};
}

// Behind the schema's id the text's length, as Avro has it; or the first message's place, and its first
// field.
bool is_registry_key(std::string_view bytes, std::string_view key) {
  constexpr std::string_view kFirstMessage("\0\x0a", 2);
  if (bytes[0] != '\0' || bytes.size() <= kWireHead) return false;
  const std::string_view body = bytes.substr(kWireHead);
  BinaryReader avro(body);
  const auto length = avro.zigzag();
  if (length && *length == static_cast<int64_t>(key.size()) && avro.left() == key.size())
    return body.ends_with(key);
  if (!body.starts_with(kFirstMessage)) return false;
  BinaryReader protobuf(body.substr(kFirstMessage.size()));
  const auto bytes_of_text = protobuf.varint();
  return bytes_of_text && *bytes_of_text == key.size() && protobuf.left() == key.size() &&
         body.ends_with(key);
}

}  // namespace

tl::expected<RecordValue, std::string> read_value(std::string_view bytes, const WriterSchemas& schemas) {
  if (bytes.empty()) return tl::unexpected(std::string("an empty value"));
  if (bytes.starts_with(kStruct)) return value_of_struct(bytes);
  if (bytes[0] == '\0' && bytes.size() > kWireHead) {
    if (bytes[kWireHead] != '{') return value_by_schema(bytes, schemas);
    bytes.remove_prefix(kWireHead);
  }
  const Json json =
      bytes[0] == '{' ? Json::parse(bytes, nullptr, false) : Json::from_msgpack(bytes, true, false);
  if (!json.is_object()) return tl::unexpected(std::string("neither JSON, nor MessagePack, nor a Struct"));
  return value_of(json);
}

bool is_key(std::string_view bytes, std::string_view key) {
  if (bytes == key) return true;
  if (bytes.empty() || key.empty()) return false;
  if (bytes[0] == '"' || bytes[0] == '{') return is_json_key(bytes, key);
  if (bytes[0] == '\0' && bytes.size() > kWireHead && bytes[kWireHead] == '"')
    return is_json_key(bytes.substr(kWireHead), key);
  return bytes == msgpack_key(key) || is_registry_key(bytes, key);
}

std::string record_line(std::string_view channel, std::string_view time, const RecordValue& value) {
  std::string line = fmt::format("{:<30} {}", printable(channel), time);
  if (!value.error.empty()) return line + " *** " + printable(value.error);
  if (value.elements.size() != 1) line += fmt::format(" {}", value.elements.size());
  for (const std::string& element : value.elements) line += " " + printable(element);
  if (value.status != 0 || value.severity != 0)
    line += " " + name_of(kStatuses, value.status) + " " + name_of(kSeverities, value.severity);
  return line;
}

}  // namespace e2k::supervisor::ctl
