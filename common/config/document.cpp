#include "common/config/document.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "common/log.h"
#include "common/split.h"
#include "common/text.h"

namespace e2k::config {
namespace {

std::optional<Reference::Source> source_named(std::string_view name) {
  if (name == "file") return Reference::Source::file;
  if (name == "credential") return Reference::Source::credential;
  if (name == "env") return Reference::Source::environment;
  return std::nullopt;
}

std::optional<Reference> as_reference(const toml::table& table) {
  if (table.size() != 1) return std::nullopt;
  // The iterator owns what it points to: it must outlive the use.
  const auto member = table.begin();
  const auto source = source_named(member->first.str());
  const toml::value<std::string>* name = member->second.as_string();
  if (!source || name == nullptr) return std::nullopt;
  return Reference{*source, name->get()};
}

Value as_value(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return node.as_string()->get();
    case toml::node_type::integer:
      return node.as_integer()->get();
    case toml::node_type::floating_point:
      return node.as_floating_point()->get();
    case toml::node_type::boolean:
      return node.as_boolean()->get();
    case toml::node_type::array: {
      std::vector<std::string> strings;
      for (const toml::node& element : *node.as_array()) {
        if (!element.is_string()) return Unusable{"an array of other things than strings"};
        strings.push_back(element.as_string()->get());
      }
      return strings;
    }
    case toml::node_type::table:
      return Unusable{"a table"};
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return Unusable{"a date or time"};
    case toml::node_type::none:
      break;
  }
  return Unusable{"nothing"};
}

class Flattening {
public:
  Flattening(const std::string& path, Document& document) : path_(path), document_(document) {}

  void table(const std::string& prefix, const toml::table& members) {
    for (const auto& [name, node] : members) {
      const std::string key =
          prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
      const toml::table* nested = node.as_table();
      if (nested == nullptr) {
        add(key, node, as_value(node));
      } else if (auto reference = as_reference(*nested)) {
        add(key, node, std::move(*reference));
      } else if (nested->is_inline() && holds_source(*nested)) {
        document_.mistakes.push_back(place(node) + ": " + log::quoted(key) +
                                     ": such a reference names exactly one source, by a string; accepted: "
                                     "{file = \"/path\"}, {credential = \"name\"}, {env = \"NAME\"}");
      } else if (nested->empty()) {
        add(key, node, Unusable{"an empty table"});
      } else {
        table(key, *nested);
      }
    }
  }

private:
  static bool holds_source(const toml::table& table) {
    return std::any_of(table.begin(), table.end(),
                       [](const auto& member) { return source_named(member.first.str()).has_value(); });
  }
  std::string place(const toml::node& node) const {
    return path_ + ":" + std::to_string(node.source().begin.line);
  }
  void add(const std::string& key, const toml::node& node, Value value) {
    document_.assignments.push_back(
        {key, place(node), node.source().begin.line, std::move(value), false, ""});
  }

  const std::string& path_;
  Document& document_;
};

}  // namespace

std::string kind_of(const Value& value) {
  struct Kind {
    std::string operator()(bool) const { return "a boolean"; }
    std::string operator()(int64_t) const { return "an integer"; }
    std::string operator()(double) const { return "a number with a fraction"; }
    std::string operator()(const std::string&) const { return "a string"; }
    std::string operator()(const Reference&) const { return "a string"; }
    std::string operator()(const std::vector<std::string>&) const { return "an array of strings"; }
    std::string operator()(const Unusable& unusable) const { return unusable.kind; }
  };
  return std::visit(Kind{}, value);
}

Document read_toml(std::string_view text, const std::string& path) {
  Document document;
  try {
    const toml::table root = toml::parse(text, path);
    Flattening(path, document).table("", root);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    document.mistakes.push_back(
        fmt::format("{}:{}:{}: no valid TOML: {}", path, at.line, at.column, error.description()));
  }
  std::stable_sort(document.assignments.begin(), document.assignments.end(),
                   [](const Assignment& a, const Assignment& b) { return a.line < b.line; });
  return document;
}

Result<Assignment> read_setting(std::string_view argument) {
  const size_t equals = argument.find('=');
  std::string key(trimmed(argument.substr(0, equals), " \t"));
  std::erase(key, '"');
  if (equals == std::string_view::npos || key.empty())
    return fail("--set " + log::quoted(argument.substr(0, equals)) +
                ": no key=value; accepted: a dotted key, =, and a TOML value or plain text");
  const std::string text(argument.substr(equals + 1));
  if (!is_valid_utf8(argument) || text.find('\0') != std::string::npos)
    return fail("--set " + log::quoted(key) + ": the text is not valid UTF-8");
  Assignment assignment{std::move(key), "--set", 0, text, true, text};
  try {
    const toml::table parsed = toml::parse("value = " + text);
    if (parsed.size() != 1) return assignment;
    const toml::node& node = parsed.begin()->second;
    if (const toml::table* table = node.as_table()) {
      if (auto reference = as_reference(*table)) assignment.value = std::move(*reference);
      return assignment;
    }
    Value value = as_value(node);
    if (!std::holds_alternative<Unusable>(value)) assignment.value = std::move(value);
  } catch (const toml::parse_error&) {
    // plain text
  }
  return assignment;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : utf8_or_latin1(text)) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out += '"';
}

}  // namespace e2k::config
