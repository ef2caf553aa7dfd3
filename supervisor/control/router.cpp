#include "supervisor/control/router.h"

#include <charconv>
#include <functional>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/text.h"

namespace e2k::supervisor {
namespace {

struct Parameter {
  std::string name, value;
};
using Parameters = std::vector<Parameter>;

tl::unexpected<Refusal> refuse(int code, std::string message, std::string allow = {}) {
  return tl::unexpected<Refusal>({code, std::move(message), std::move(allow)});
}

std::string_view without_authority(std::string_view target) {
  const size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const size_t path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::vector<std::string>> segments_of(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string> segments;
  if (path.empty()) return segments;
  for (const std::string_view raw : split(path.substr(1), '/')) {
    std::string segment;
    if (!percent_decode(raw, segment)) return std::nullopt;
    segments.push_back(std::move(segment));
  }
  return segments;
}

std::optional<Parameters> parameters_of(std::string_view query) {
  Parameters parameters;
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    Parameter parameter;
    if (!percent_decode(part.substr(0, equals), parameter.name)) return std::nullopt;
    if (equals != std::string_view::npos && !percent_decode(part.substr(equals + 1), parameter.value))
      return std::nullopt;
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes one parameter of a verb; what it returns is the complaint, "" when there is none.
using Take = std::function<std::string(Route& route, const Parameter& parameter)>;

std::string no_parameters(Route&, const Parameter& parameter) {
  return "no parameter " + log::quoted(parameter.name) + " here; accepted: none";
}

std::string take_flag(bool& flag, const Parameter& parameter) {
  if (parameter.value != "true" && parameter.value != "false")
    return parameter.name + " is " + log::quoted(parameter.value) + "; accepted: true, false";
  flag = parameter.value == "true";
  return {};
}

std::string take_restart(Route& route, const Parameter& parameter) {
  if (parameter.name == "rolling") return take_flag(route.rolling, parameter);
  if (parameter.name == "only_failed") return take_flag(route.only_failed, parameter);
  return "no parameter " + log::quoted(parameter.name) + " here; accepted: rolling, only_failed";
}

std::string take_retry(Route& route, const Parameter& parameter) {
  if (parameter.name != "topic")
    return "no parameter " + log::quoted(parameter.name) + " here; accepted: topic";
  route.topic = parameter.value;
  return {};
}

std::optional<ShownState> state_named(std::string_view text) {
  std::string upper;
  for (const char c : text) upper.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  for (size_t i = 0; i < kShownStates; ++i)
    if (upper == to_string(static_cast<ShownState>(i))) return static_cast<ShownState>(i);
  return std::nullopt;
}

std::string take_state(Route& route, const Parameter& parameter) {
  route.query.state = state_named(parameter.value);
  if (route.query.state) return {};
  std::string accepted;
  for (size_t i = 0; i < kShownStates; ++i)
    accepted += std::string(i == 0 ? "" : ", ") + to_string(static_cast<ShownState>(i));
  return "state is " + log::quoted(parameter.value) + "; accepted: " + accepted;
}

std::string take_channels(Route& route, const Parameter& parameter) {
  const auto is = [&](const std::string& accepted) {
    return parameter.name + " is " + log::quoted(parameter.value) + "; accepted: " + accepted;
  };
  if (parameter.name == "state") return take_state(route, parameter);
  if (parameter.name == "worker") {
    const auto slot = number<uint16_t>(parameter.value);
    if (!slot) return is("a worker's slot, 0 to 65535");
    route.query.worker = Slot{*slot};
  } else if (parameter.name == "prefix") {
    route.query.prefix = parameter.value;
  } else if (parameter.name == "limit") {
    const auto limit = number<size_t>(parameter.value);
    if (!limit || *limit < 1 || *limit > kMaxPageItems) return is("1 to " + std::to_string(kMaxPageItems));
    route.query.limit = *limit;
  } else if (parameter.name == "after") {
    auto cursor = decode_cursor(parameter.value);
    if (!cursor) return is("the `next` of the page before");
    route.query.after = std::move(*cursor);
  } else {
    return "no parameter " + log::quoted(parameter.name) +
           " here; accepted: state, worker, prefix, limit, after";
  }
  return {};
}

// Metrics and health are asked for by programs that add parameters of their own.
std::string ignore(Route&, const Parameter&) {
  return {};
}

struct Found {
  Route route;
  std::string_view method = "GET";
  Take take = no_parameters;
};

Found found(Verb verb, Take take = no_parameters) {
  Found found;
  found.route.verb = verb;
  if (is_change(verb)) found.method = "POST";
  found.take = std::move(take);
  return found;
}

std::optional<Found> find_workers(const std::vector<std::string>& path) {
  if (path.size() == 1) return found(Verb::workers);
  if (path.size() == 2 && path[1] == "restart") return found(Verb::restart_workers, take_restart);
  const auto slot = number<uint16_t>(path[1]);
  if (!slot || path.size() > 3) return std::nullopt;
  if (path.size() == 3 && path[2] != "restart") return std::nullopt;
  Found worker = found(path.size() == 2 ? Verb::worker : Verb::restart_worker);
  worker.route.slot = Slot{*slot};
  return worker;
}

std::optional<Found> find_channels(const std::vector<std::string>& path) {
  if (path.size() == 1) {
    Found page = found(Verb::channels, take_channels);
    page.route.query.limit = kDefaultPageItems;
    return page;
  }
  if (path.size() > 3 || (path.size() == 3 && path[2] != "retry")) return std::nullopt;
  Found channel = path.size() == 2 ? found(Verb::channel) : found(Verb::retry, take_retry);
  channel.route.channel = path[1];
  return channel;
}

std::optional<Found> find(const std::vector<std::string>& path) {
  if (path.empty()) return std::nullopt;
  if (path[0] == "workers") return find_workers(path);
  if (path[0] == "channels") return find_channels(path);
  if (path[0] == "health" && path.size() == 2) {
    if (path[1] == "live") return found(Verb::health_live, ignore);
    if (path[1] == "ready") return found(Verb::health_ready, ignore);
  }
  if (path.size() > 1) return std::nullopt;
  if (path[0] == "status") return found(Verb::status);
  if (path[0] == "hosts") return found(Verb::hosts);
  if (path[0] == "rejected") return found(Verb::rejected);
  if (path[0] == "metrics") return found(Verb::metrics, ignore);
  if (path[0] == "pause" || path[0] == "resume") {
    Found pause = found(path[0] == "pause" ? Verb::pause : Verb::resume);
    pause.method = "PUT";
    return pause;
  }
  return std::nullopt;
}

bool is_of_a_later_version(const std::vector<std::string>& path) {
  if (path.empty()) return false;
  if (path[0] == "connectors" || path[0] == "connector-plugins") return true;
  if (path.size() == 2 && path[0] == "workers") return path[1] == "count";
  return path.size() == 1 && path[0] == "log-level";
}

std::string not_found_message(const std::vector<std::string>& path, std::string_view raw) {
  if (is_of_a_later_version(path)) return std::string(raw) + " is not available in this version";
  std::string message = "there is no " + log::quoted(raw);
  if (path.size() > 2 && path[0] == "channels") message += "; write a / within a channel's name as %2F";
  return message;
}

}  // namespace

bool is_change(Verb verb) {
  return verb == Verb::restart_worker || verb == Verb::restart_workers || verb == Verb::retry ||
         verb == Verb::pause || verb == Verb::resume;
}

tl::expected<Route, Refusal> route(std::string_view method, std::string_view target) {
  target = without_authority(target);
  const size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  if (!path.empty() && !path.starts_with('/')) return refuse(400, "the target has to begin with /");
  const auto segments = segments_of(path);
  if (!segments) return refuse(400, "a % in " + log::quoted(path) + " is not followed by two hex digits");

  auto match = find(*segments);
  if (!match) return refuse(404, not_found_message(*segments, path));
  const bool shows = match->method == "GET";
  if (method != match->method && !(shows && method == "HEAD")) {
    const std::string allow = shows ? "GET, HEAD" : std::string(match->method);
    return refuse(405, log::quoted(path) + " is asked for with " + allow, allow);
  }

  const auto parameters =
      parameters_of(mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1));
  if (!parameters) return refuse(400, "a % in the query is not followed by two hex digits");
  for (const Parameter& parameter : *parameters)
    if (std::string complaint = match->take(match->route, parameter); !complaint.empty())
      return refuse(400, std::move(complaint));
  return std::move(match->route);
}

std::string_view authority_of(std::string_view target) {
  const size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return {};
  const std::string_view rest = target.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?"));
}

std::string encode_cursor(std::string_view cursor) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * cursor.size());
  for (const char c : cursor) {
    text.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    text.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return text;
}

std::optional<std::string> decode_cursor(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string cursor;
  cursor.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    uint8_t byte = 0;
    const char* begin = text.data() + i;
    const auto [end, error] = std::from_chars(begin, begin + 2, byte, 16);
    if (error != std::errc() || end != begin + 2) return std::nullopt;
    cursor.push_back(static_cast<char>(byte));
  }
  return cursor;
}

}  // namespace e2k::supervisor
