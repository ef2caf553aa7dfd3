#include "supervisor/ctl/argument_words.h"

#include <optional>
#include <string_view>

namespace e2k::supervisor::ctl {
namespace {

// What stands between two texts, of which the first begins at `from` or later.
std::optional<std::string> between(const std::string& text, std::string_view begin, std::string_view end) {
  const size_t first = text.find(begin);
  if (first == std::string::npos) return std::nullopt;
  const size_t last = end.empty() ? text.size() : text.find(end, first + begin.size());
  if (last == std::string::npos) return std::nullopt;
  return text.substr(first + begin.size(), last - first - begin.size());
}

// "a,b,c" or "plain->0,json->1" as "a, b, c" or "plain, json".
std::string listed(std::string_view list) {
  std::string out;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view item = list.substr(0, comma);
    out += (out.empty() ? "" : ", ") + std::string(item.substr(0, item.find("->")));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return out;
}

// "1.000000" as "1", "0.100000" as "0.1".
std::string shortened(std::string number) {
  if (number.find('.') == std::string::npos) return number;
  while (number.ends_with('0')) number.pop_back();
  if (number.ends_with('.')) number.pop_back();
  return number;
}

}  // namespace

std::string argument_mistake(const std::string& what) {
  const std::string option = what.substr(0, what.find(':'));
  if (const auto options = between(what, "Exactly 1 option from [", "]"))
    return "one of these is needed: " + listed(*options);
  if (what.ends_with(" is required")) return what.substr(0, what.size() - 12) + " is missing";
  if (what.find(" required ") != std::string::npos && what.ends_with(" missing"))
    return option + " needs a value";
  if (const auto value = between(what, "Could not convert: ", " = "))
    return *value + ": " + between(what, " = ", "").value_or("") + " is no number";
  if (const auto value = between(what, ": Value ", " not in range "))
    return option + ": " + *value +
           " is out of range; accepted: " + shortened(between(what, " not in range ", " to ").value_or("")) +
           " to " + shortened(between(what, " to ", "").value_or(""));
  if (const auto value = between(what, ": Check ", " value in {"))
    return option + ": " + *value +
           " is not accepted; accepted: " + listed(between(what, " value in {", "}").value_or(""));
  if (const auto value = between(what, ": ", " not in {"))
    return option + ": " + *value +
           " is not accepted; accepted: " + listed(between(what, " not in {", "}").value_or(""));
  return what;
}

}  // namespace e2k::supervisor::ctl
