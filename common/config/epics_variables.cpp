#include "common/config/epics_variables.h"

#include <fmt/format.h>
#include <strings.h>

#include <array>
#include <charconv>

#include "common/text.h"

namespace e2k::config {
namespace {

using Kind = EpicsVariable::Kind;
constexpr std::string_view kAddresses = "addresses with optional ports, separated by blanks, as one string";
constexpr std::string_view kYesNo = "true, false, \"YES\", \"NO\"";
// Lower bounds are libca's: below them it would complain and take its default.
constexpr auto kVariables = std::to_array<EpicsVariable>({
    {"addr_list", "EPICS_CA_ADDR_LIST", Kind::text, 0, 0, kAddresses},
    {"auto_addr_list", "EPICS_CA_AUTO_ADDR_LIST", Kind::yes_no, 0, 0, kYesNo},
    {"auto_array_bytes", "EPICS_CA_AUTO_ARRAY_BYTES", Kind::yes_no, 0, 0, kYesNo},
    {"beacon_period", "EPICS_CA_BEACON_PERIOD", Kind::seconds, 0.1, 1e6, "seconds, from 0.1"},
    {"conn_tmo", "EPICS_CA_CONN_TMO", Kind::seconds, 0.1, 1e6, "seconds, from 0.1"},
    {"max_array_bytes", "EPICS_CA_MAX_ARRAY_BYTES", Kind::integer, 16384, 2147483647, "16384 to 2147483647"},
    {"max_search_period", "EPICS_CA_MAX_SEARCH_PERIOD", Kind::seconds, 60, 1e6, "seconds, from 60"},
    {"mcast_ttl", "EPICS_CA_MCAST_TTL", Kind::integer, 1, 255, "1 to 255"},
    {"name_servers", "EPICS_CA_NAME_SERVERS", Kind::text, 0, 0, kAddresses},
    {"repeater_port", "EPICS_CA_REPEATER_PORT", Kind::integer, 5001, 65535, "5001 to 65535"},
    {"server_port", "EPICS_CA_SERVER_PORT", Kind::integer, 5001, 65535, "5001 to 65535"},
});

bool in_range(const EpicsVariable& variable, double number) {
  return number >= variable.least && number <= variable.most;
}

template <class Number>
std::optional<Number> whole_number(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::span<const EpicsVariable> epics_variables() {
  return kVariables;
}

const EpicsVariable* find_epics_variable(std::string_view key) {
  for (const EpicsVariable& variable : kVariables)
    if (variable.key == key) return &variable;
  return nullptr;
}

std::optional<std::string> epics_text(const EpicsVariable& variable, const std::string& text) {
  switch (variable.kind) {
    case Kind::text:
      if (!is_valid_utf8(text) || has_control_characters(text)) return std::nullopt;
      return text;
    case Kind::yes_no:
      if (strcasecmp(text.c_str(), "yes") == 0) return "YES";
      if (strcasecmp(text.c_str(), "no") == 0) return "NO";
      return std::nullopt;
    case Kind::integer: {
      const auto number = whole_number<int64_t>(text);
      if (!number || !in_range(variable, static_cast<double>(*number))) return std::nullopt;
      return std::to_string(*number);
    }
    case Kind::seconds: {
      const auto number = whole_number<double>(text);
      if (!number || !in_range(variable, *number)) return std::nullopt;
      return text;
    }
  }
  return std::nullopt;
}

std::optional<std::string> epics_text(const EpicsVariable& variable, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return epics_text(variable, *text);
  if (const auto* flag = std::get_if<bool>(&value); flag != nullptr && variable.kind == Kind::yes_no)
    return *flag ? "YES" : "NO";
  const bool is_number = variable.kind == Kind::integer || variable.kind == Kind::seconds;
  if (const auto* integer = std::get_if<int64_t>(&value); integer != nullptr && is_number)
    return epics_text(variable, std::to_string(*integer));
  if (const auto* number = std::get_if<double>(&value); number != nullptr && variable.kind == Kind::seconds)
    return epics_text(variable, fmt::format("{}", *number));
  return std::nullopt;
}

}  // namespace e2k::config
