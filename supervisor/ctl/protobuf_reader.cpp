#include <charconv>
#include <map>
#include <optional>
#include <vector>

#include "supervisor/ctl/binary_reader.h"
#include "supervisor/ctl/writer_schema.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

enum Wire : uint64_t { varint = 0, fixed64 = 1, sized = 2, fixed32 = 5 };

struct Field {
  std::string name, type;
  bool is_repeated = false;
};
using Message = std::map<uint64_t, Field>;  // by number

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

// One past what begins at `at` and is nobody's word: a space, a comment, a text in quotes, a sign.
size_t past(std::string_view text, size_t at) {
  const auto after = [&](std::string_view end, size_t from) {
    const size_t found = text.find(end, from);
    return found == std::string_view::npos ? text.size() : found + end.size();
  };
  if (text.substr(at, 2) == "//") return after("\n", at);
  if (text.substr(at, 2) == "/*") return after("*/", at + 2);
  if (text[at] != '"' && text[at] != '\'') return at + 1;
  size_t end = at + 1;
  while (end < text.size() && text[end] != text[at]) end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

// Words and signs, without comments, without texts in quotes, without [options].
std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  int brackets = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    const bool is_sign = end == at && std::string_view("{}[];=").find(text[at]) != std::string_view::npos;
    if (end == at) end = past(text, at);
    const std::string_view token = text.substr(at, end - at);
    if (token == "[") ++brackets;
    if (brackets == 0 && (is_sign || is_word(token[0]))) tokens.push_back(token);
    if (token == "]" && brackets > 0) --brackets;
    at = end;
  }
  return tokens;
}

// [repeated|optional] type name = number
std::optional<std::pair<uint64_t, Field>> field_of(const std::vector<std::string_view>& words) {
  const bool has_label =
      !words.empty() && (words[0] == "repeated" || words[0] == "optional" || words[0] == "required");
  const size_t first = has_label ? 1 : 0;
  if (words.size() != first + 4 || words[first + 2] != "=") return std::nullopt;
  uint64_t number = 0;
  const std::string_view digits = words[first + 3];
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (number == 0) return std::nullopt;
  return std::pair(number,
                   Field{std::string(words[first + 1]), std::string(words[first]), words[0] == "repeated"});
}

// The messages at the top, in their order; what stands within their braces belongs to nobody.
std::vector<Message> messages_of(std::string_view text) {
  std::vector<Message> messages;
  std::vector<std::string_view> words;
  int depth = 0;
  bool in_message = false;
  for (const std::string_view token : tokens_of(text)) {
    if (token == "{") {
      if (++depth == 1 && (in_message = words.size() == 2 && words[0] == "message")) messages.emplace_back();
      words.clear();
    } else if (token == "}") {
      --depth;
      words.clear();
    } else if (token == ";") {
      auto field = depth == 1 && in_message ? field_of(words) : std::nullopt;
      if (field) messages.back().insert(std::move(*field));
      words.clear();
    } else {
      words.push_back(token);
    }
  }
  return messages;
}

template <class Number>
std::optional<Json> as_json(std::optional<Number> number) {
  return number ? std::optional(Json(*number)) : std::nullopt;
}

std::optional<Json> scalar(BinaryReader& in, const std::string& type) {
  if (type == "double") return as_json(in.number<double>());
  if (type == "float") return as_json(in.number<float>());
  if (type == "fixed32") return as_json(in.number<uint32_t>());
  if (type == "fixed64") return as_json(in.number<uint64_t>());
  if (type == "sfixed32") return as_json(in.number<int32_t>());
  if (type == "sfixed64") return as_json(in.number<int64_t>());
  if (type == "sint32" || type == "sint64") return as_json(in.zigzag());
  const auto value = in.varint();
  if (!value) return std::nullopt;
  if (type == "bool") return Json(*value != 0);
  if (type == "uint32" || type == "uint64") return Json(*value);
  return Json(static_cast<int64_t>(*value));
}

bool is_text(const std::string& type) {
  return type == "string" || type == "bytes";
}

// Reads one value of that wire type; false: the bytes end within it.
bool read_field(BinaryReader& in, uint64_t wire, const Field* field, Json& read) {
  if (wire != sized) {
    static const Field kUnknown64{"", "fixed64", false}, kUnknown32{"", "fixed32", false},
        kUnknown{"", "uint64", false};
    if (wire != varint && wire != fixed64 && wire != fixed32) return false;
    const Field& by_wire = wire == fixed64 ? kUnknown64 : wire == fixed32 ? kUnknown32 : kUnknown;
    const auto value = scalar(in, field != nullptr ? field->type : by_wire.type);
    if (!value) return false;
    read = *value;
    return true;
  }
  const auto bytes = in.varint();
  const auto text = bytes ? in.text(*bytes) : std::nullopt;
  if (!text) return false;
  if (field == nullptr) return true;
  if (is_text(field->type)) {
    read = std::string(*text);
    return true;
  }
  read = Json::array();
  for (BinaryReader packed(*text); packed.left() > 0;) {
    const auto element = scalar(packed, field->type);
    if (!element) return false;
    read.push_back(*element);
  }
  return true;
}

void put(Json& fields, const Field& field, Json value) {
  Json& place = fields[field.name];
  if (!field.is_repeated) {
    place = std::move(value);
    return;
  }
  if (!place.is_array()) place = Json::array();
  if (value.is_array())
    place.insert(place.end(), value.begin(), value.end());
  else
    place.push_back(std::move(value));
}

// Which message of the schema the record is: a list of places, of which none stands for the first.
std::optional<uint64_t> message_place(BinaryReader& in) {
  const auto depth = in.zigzag();
  if (!depth || *depth < 0 || *depth > 1) return std::nullopt;
  if (*depth == 0) return 0;
  const auto place = in.zigzag();
  return place && *place >= 0 ? std::optional(static_cast<uint64_t>(*place)) : std::nullopt;
}

}  // namespace

tl::expected<Json, std::string> read_protobuf(std::string_view schema, std::string_view bytes) {
  const tl::unexpected<std::string> other("bytes that are not of their schema");
  const std::vector<Message> messages = messages_of(schema);
  BinaryReader in(bytes);
  const auto place = message_place(in);
  if (!place || *place >= messages.size()) return other;
  const Message& message = messages[*place];
  Json fields = Json::object();
  for (const auto& [number, field] : message) fields[field.name] = nullptr;
  while (in.left() > 0) {
    const auto tag = in.varint();
    if (!tag) return other;
    const auto found = message.find(*tag >> 3);
    const Field* const field = found == message.end() ? nullptr : &found->second;
    Json value;
    if (!read_field(in, *tag & 7, field, value)) return other;
    if (field != nullptr) put(fields, *field, std::move(value));
  }
  return fields;
}

}  // namespace e2k::supervisor::ctl
