// Pure. What the router and the parts of it that know one family of paths hand to each other.
//
// A path that is known has one method (GET stands for HEAD, too); `instead` is told to who comes with
// another. A path of Connect's that means nothing here has no method, and `instead` says why.
#pragma once

#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/control/router.h"

namespace e2k::supervisor {

struct Parameter {
  std::string name, value;
};

// Takes one parameter of a verb; what it returns is the complaint, "" when there is none.
using Take = std::function<std::string(Route& route, const Parameter& parameter)>;

std::string no_parameters(Route& route, const Parameter& parameter);
std::string take_flag(bool& flag, const Parameter& parameter);
std::string unknown_parameter(const Parameter& parameter, std::string_view accepted);

struct RouteMatch {
  Route route;
  std::string_view method = "GET";
  Take take = no_parameters;
  std::string instead = {};  // "": the method that is right is all there is to say
};

// GET, or POST for a change.
RouteMatch match_of(Verb verb, Take take = no_parameters);

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace e2k::supervisor
