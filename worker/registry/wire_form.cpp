#include "worker/registry/wire_form.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "common/log.h"

namespace e2k::worker {
namespace {

using nlohmann::json;

// The functions below follow the nesting with the stack.
constexpr int kMaxNesting = 64;

bool nested_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '{' || c == '[')) {
      if (++depth > kMaxNesting) return true;
    } else if (!in_string && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return false;
}

std::optional<json> parsed(std::string_view text) {
  if (nested_too_deep(text)) return std::nullopt;
  json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return std::nullopt;
  return document;
}

template <size_t N>
bool is_one_of(std::string_view member, const std::array<std::string_view, N>& members) {
  return std::ranges::find(members, member) != members.end();
}

// Whatever else a schema has is for people or for one language's library.
constexpr std::array<std::string_view, 11> kAvroMembers{"type",        "name",      "namespace", "fields",
                                                        "symbols",     "items",     "values",    "size",
                                                        "logicalType", "precision", "scale"};

std::string text_of(const json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

void reduce_avro(json& node) {
  if (node.is_array())
    for (json& element : node) reduce_avro(element);
  if (!node.is_object()) return;
  for (auto member = node.begin(); member != node.end();)
    member = is_one_of(member.key(), kAvroMembers) ? std::next(member) : node.erase(member);
  for (json& member : node) reduce_avro(member);
  const auto name = node.find("name");
  const auto space = node.find("namespace");
  if (name != node.end() && space != node.end() && name->is_string() && space->is_string()) {
    if (name->get_ref<const std::string&>().find('.') == std::string::npos)
      *name = space->get_ref<const std::string&>() + "." + name->get_ref<const std::string&>();
    node.erase(space);
  }
  const auto type = node.find("type");
  if (node.size() == 1 && type != node.end()) {
    json inner = std::move(*type);
    node = std::move(inner);
  }
}

// Of two reduced schemas that differ.
std::string avro_place(const json& ours, const json& theirs) {
  if (!ours.is_object() || !theirs.is_object()) return "";
  if (ours.value("name", json()) != theirs.value("name", json())) return "in the record's name";
  const json our_fields = ours.value("fields", json::array());
  const json their_fields = theirs.value("fields", json::array());
  if (!our_fields.is_array() || !their_fields.is_array()) return "";
  for (size_t i = 0; i < our_fields.size(); ++i) {
    if (i < their_fields.size() && our_fields[i] == their_fields[i]) continue;
    return our_fields[i].is_object() ? "in the field " + log::quoted(text_of(our_fields[i], "name")) : "";
  }
  return their_fields.size() > our_fields.size() ? "in fields behind ours" : "";
}

std::optional<std::string> avro_difference(std::string_view our_text, std::string_view their_text) {
  auto ours = parsed(our_text);
  auto theirs = parsed(their_text);
  if (!ours || !theirs) return "";
  reduce_avro(*ours);
  reduce_avro(*theirs);
  if (*ours == *theirs) return std::nullopt;
  return avro_place(*ours, *theirs);
}

// additionalProperties is among them since our records have none.
bool describes_only(std::string_view member) {
  static constexpr std::array<std::string_view, 11> kDescriptions{
      "$schema",  "$id",        "$comment", "title",     "description",         "default",
      "examples", "deprecated", "readOnly", "writeOnly", "additionalProperties"};
  return member.starts_with("connect.") || is_one_of(member, kDescriptions);
}

json json_form(const json& node);

json form_of_type(const json& type, const json& node) {
  if (type == "array") return {{"array", json_form(node.value("items", json()))}};
  if (type != "object") return type;
  json properties = json::object();
  const json described = node.value("properties", json::object());
  for (const auto& [name, property] : described.items()) properties[name] = json_form(property);
  return {{"object", std::move(properties)}};
}

// The keywords of a node that are neither understood here nor descriptions.
json other_keywords(const json& node) {
  static constexpr std::array<std::string_view, 3> kOfType{"type", "items", "properties"};
  static constexpr std::array<std::string_view, 2> kOfChoice{"oneOf", "anyOf"};
  const bool choice = !node.contains("type");
  json others = json::object();
  for (const auto& [name, value] : node.items()) {
    const bool understood = choice ? is_one_of(name, kOfChoice) : is_one_of(name, kOfType);
    if (!understood && !describes_only(name)) others[name] = value;
  }
  return others;
}

void add_alternatives(const json& node, json& alternatives) {
  const size_t sources =
      node.is_object() ? node.count("type") + node.count("oneOf") + node.count("anyOf") : 0;
  if (sources != 1) {  // no schema, one of anything, or conditions that must hold together
    alternatives.push_back({{"as it is", node}});
    return;
  }
  for (const char* list : {"oneOf", "anyOf"})
    for (const json& alternative : node.value(list, json::array()))
      add_alternatives(alternative, alternatives);
  const json types = node.value("type", json::array());
  if (!types.is_array()) alternatives.push_back(form_of_type(types, node));
  if (types.is_array())
    for (const json& type : types) alternatives.push_back(form_of_type(type, node));
  if (json others = other_keywords(node); !others.empty())
    alternatives.push_back({{"others", std::move(others)}});
}

// The types that a node allows, without an order.
json json_form(const json& node) {
  json alternatives = json::array();
  add_alternatives(node, alternatives);
  std::sort(alternatives.begin(), alternatives.end());
  alternatives.erase(std::unique(alternatives.begin(), alternatives.end()), alternatives.end());
  return alternatives;
}

// The properties of a form that is an object and nothing else.
const json* properties_of(const json& form) {
  if (form.size() != 1 || !form[0].is_object()) return nullptr;
  const auto object = form[0].find("object");
  return object == form[0].end() ? nullptr : &*object;
}

std::string json_place(const json& ours, const json& theirs) {
  const json* our_properties = properties_of(ours);
  const json* their_properties = properties_of(theirs);
  if (our_properties == nullptr || their_properties == nullptr) return "";
  for (const auto& [name, form] : our_properties->items()) {
    const auto other = their_properties->find(name);
    if (other == their_properties->end() || *other != form) return "in the property " + log::quoted(name);
  }
  return "in properties that ours has not";
}

std::optional<std::string> json_difference(std::string_view our_text, std::string_view their_text) {
  const auto our_document = parsed(our_text);
  const auto their_document = parsed(their_text);
  if (!our_document || !their_document) return "";
  const json ours = json_form(*our_document);
  const json theirs = json_form(*their_document);
  if (ours == theirs) return std::nullopt;
  return json_place(ours, theirs);
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

// One past the end of the literal that begins at `at`.
size_t literal_end(std::string_view text, size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

size_t comment_end(std::string_view text, size_t at) {
  const bool line = text[at + 1] == '/';
  const size_t end = text.find(line ? "\n" : "*/", at + 2);
  return end == std::string_view::npos ? text.size() : end + (line ? 1 : 2);
}

std::vector<std::string_view> protobuf_tokens(std::string_view text) {
  std::vector<std::string_view> tokens;
  for (size_t at = 0; at < text.size();) {
    const std::string_view two = text.substr(at, 2);
    size_t end = at + 1;
    if (is_space(text[at])) {
      at = end;
      continue;
    }
    if (two == "//" || two == "/*") {
      at = comment_end(text, at);
      continue;
    }
    if (text[at] == '"' || text[at] == '\'')
      end = literal_end(text, at);
    else if (is_word(text[at]))
      while (end < text.size() && is_word(text[end])) ++end;
    tokens.push_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

bool ends_statement(std::string_view token) {
  return token == ";" || token == "{" || token == "}";
}

std::vector<std::string_view> reduced_protobuf(std::string_view text) {
  std::vector<std::string_view> kept;
  bool in_statement = false;  // import or option, up to its semicolon
  int brackets = 0;
  int braces_in_statement = 0;
  for (const std::string_view token : protobuf_tokens(text)) {
    const bool begins = kept.empty() || ends_statement(kept.back());
    if (in_statement) {
      if (token == "{") ++braces_in_statement;
      if (token == "}") --braces_in_statement;
      in_statement = token != ";" || braces_in_statement > 0;
    } else if (token == "[") {
      ++brackets;
    } else if (brackets > 0) {
      if (token == "]") --brackets;
    } else if (begins && (token == "import" || token == "option")) {
      in_statement = true;
      braces_in_statement = 0;
    } else {
      kept.push_back(token);
    }
  }
  return kept;
}

// The statement that holds the token at `at`.
std::string statement_at(const std::vector<std::string_view>& tokens, size_t at) {
  size_t begin = at;
  while (begin > 0 && !ends_statement(tokens[begin - 1])) --begin;
  std::string statement;
  for (; begin < tokens.size() && !ends_statement(tokens[begin]); ++begin)
    statement += (statement.empty() ? "" : " ") + std::string(tokens[begin]);
  return statement;
}

std::optional<std::string> protobuf_difference(std::string_view our_text, std::string_view their_text) {
  const auto ours = reduced_protobuf(our_text);
  const auto theirs = reduced_protobuf(their_text);
  if (ours == theirs) return std::nullopt;
  const auto apart = std::ranges::mismatch(ours, theirs).in1;
  const std::string statement = statement_at(ours, static_cast<size_t>(apart - ours.begin()));
  return statement.empty() ? "in what ours has not" : "in " + log::quoted(statement);
}

}  // namespace

std::optional<std::string> form_difference(std::string_view type, std::string_view ours,
                                           std::string_view theirs) {
  if (type == "JSON") return json_difference(ours, theirs);
  if (type == "PROTOBUF") return protobuf_difference(ours, theirs);
  return avro_difference(ours, theirs);
}

}  // namespace e2k::worker
