#include "supervisor/control/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "common/config/config.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/control/connect_routes.h"
#include "supervisor/control/page_files.h"
#include "supervisor/control/route_match.h"

namespace e2k::supervisor {
namespace {

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

std::string take_restart(Route& route, const Parameter& parameter) {
  if (parameter.name == "rolling") return take_flag(route.rolling, parameter);
  if (parameter.name == "only_failed") return take_flag(route.only_failed, parameter);
  return unknown_parameter(parameter, "rolling, only_failed");
}

std::string take_scale(Route& route, const Parameter& parameter) {
  if (parameter.name != "n") return unknown_parameter(parameter, "n");
  const auto count = whole_number<int>(parameter.value);
  if (!count || *count < kFewestWorkers || *count > kMostWorkers)
    return "n is " + log::quoted(parameter.value) + "; accepted: " + std::to_string(kFewestWorkers) + " to " +
           std::to_string(kMostWorkers);
  route.workers = *count;
  return {};
}

std::string take_events(Route& route, const Parameter& parameter) {
  if (parameter.name != "status") return unknown_parameter(parameter, "status");
  return take_flag(route.with_status, parameter);
}

std::string take_retry(Route& route, const Parameter& parameter) {
  if (parameter.name != "topic") return unknown_parameter(parameter, "topic");
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

// One, or several with commas between them; the parameter may also be given again.
std::string take_state(Route& route, const Parameter& parameter) {
  bool known = true;
  for (const std::string_view name : split(parameter.value, ',')) {
    const auto state = state_named(name);
    known = known && state;
    if (state) route.query.states.push_back(*state);
  }
  if (known) return {};
  std::string accepted;
  for (size_t i = 0; i < kShownStates; ++i)
    accepted += std::string(i == 0 ? "" : ", ") + to_string(static_cast<ShownState>(i));
  return "state is " + log::quoted(parameter.value) + "; accepted: " + accepted;
}

// Of lists in pages: limit and cursor. Nothing: it is another parameter.
template <class Query>
std::optional<std::string> take_paging(Query& query, const Parameter& parameter) {
  const auto is = [&](const std::string& accepted) {
    return parameter.name + " is " + log::quoted(parameter.value) + "; accepted: " + accepted;
  };
  if (parameter.name == "limit") {
    const auto limit = whole_number<size_t>(parameter.value);
    if (!limit || *limit < 1 || *limit > kMaxPageItems) return is("1 to " + std::to_string(kMaxPageItems));
    query.limit = *limit;
    return "";
  }
  if (parameter.name != "after") return std::nullopt;
  auto cursor = decode_cursor(parameter.value);
  if (!cursor) return is("the `next` of the page before");
  query.after = std::move(*cursor);
  return "";
}

std::string take_topics(Route& route, const Parameter& parameter) {
  if (auto taken = take_paging(route.topics, parameter)) return *taken;
  return unknown_parameter(parameter, "limit, after");
}

std::string take_channels(Route& route, const Parameter& parameter) {
  const auto is = [&](const std::string& accepted) {
    return parameter.name + " is " + log::quoted(parameter.value) + "; accepted: " + accepted;
  };
  if (auto taken = take_paging(route.query, parameter)) return *taken;
  if (parameter.name == "state") return take_state(route, parameter);
  if (parameter.name == "worker") {
    const auto slot = whole_number<uint16_t>(parameter.value);
    if (!slot) return is("a worker's slot, 0 to 65535");
    route.query.worker = Slot{*slot};
  } else if (parameter.name == "prefix") {
    route.query.prefix = parameter.value;
  } else if (parameter.name == "topic") {
    route.query.topic = parameter.value;
  } else if (parameter.name == "host") {
    route.query.host = parameter.value;
  } else if (parameter.name == "lost") {
    return take_flag(route.query.lost, parameter);
  } else if (parameter.name == "older_than_s") {
    const auto seconds = whole_number<double>(parameter.value);
    if (!seconds || !(*seconds >= 0)) return is("seconds, 0 or more");
    route.query.older_than_s = *seconds;
  } else {
    return unknown_parameter(parameter,
                             "state, worker, prefix, topic, host, lost, older_than_s, limit, after");
  }
  return {};
}

std::string take_log_level(Route& route, const Parameter& parameter) {
  if (parameter.name == "level") {
    if (std::ranges::find(log::kLevelNames, parameter.value) == std::end(log::kLevelNames))
      return fmt::format("level is {}; accepted: {}", log::quoted(parameter.value), log::kLevelsInWords);
    route.level = parameter.value;
  } else if (parameter.name == "worker") {
    const auto slot = whole_number<uint16_t>(parameter.value);
    if (!slot) return "worker is " + log::quoted(parameter.value) + "; accepted: a worker's slot, 0 to 65535";
    route.one_worker = Slot{*slot};
  } else {
    return unknown_parameter(parameter, "level, worker");
  }
  return {};
}

// Metrics, health and the page are asked for by programs that add parameters of their own.
std::string ignore(Route&, const Parameter&) {
  return {};
}

std::optional<RouteMatch> find_workers(const std::vector<std::string>& path) {
  if (path.size() == 1) return match_of(Verb::workers);
  if (path.size() == 2 && path[1] == "restart") return match_of(Verb::restart_workers, take_restart);
  if (path.size() == 2 && path[1] == "count") {
    RouteMatch scale = match_of(Verb::scale, take_scale);
    scale.method = "PUT";
    return scale;
  }
  const auto slot = whole_number<uint16_t>(path[1]);
  if (!slot || path.size() > 3) return std::nullopt;
  if (path.size() == 3 && path[2] != "restart") return std::nullopt;
  RouteMatch worker = match_of(path.size() == 2 ? Verb::worker : Verb::restart_worker);
  worker.route.slot = Slot{*slot};
  return worker;
}

std::optional<RouteMatch> find_channels(const std::vector<std::string>& path) {
  if (path.size() == 1) {
    RouteMatch page = match_of(Verb::channels, take_channels);
    page.route.query.limit = kDefaultPageItems;
    return page;
  }
  if (path.size() > 3 || (path.size() == 3 && path[2] != "retry")) return std::nullopt;
  RouteMatch channel = path.size() == 2 ? match_of(Verb::channel) : match_of(Verb::retry, take_retry);
  channel.route.channel = path[1];
  return channel;
}

std::optional<RouteMatch> find_page(const std::string& file) {
  if (!page_file(file)) return std::nullopt;
  RouteMatch page = match_of(Verb::page, ignore);
  page.route.file = file;
  return page;
}

std::optional<RouteMatch> find(const std::vector<std::string>& path) {
  if (path.empty()) return find_page("index.html");
  if (path[0] == "workers") return find_workers(path);
  if (path[0] == "channels") return find_channels(path);
  if (path[0] == "connectors" || path[0] == "connector-plugins") return match_connect(path);
  if (path[0] == "health" && path.size() == 2) {
    if (path[1] == "live") return match_of(Verb::health_live, ignore);
    if (path[1] == "ready") return match_of(Verb::health_ready, ignore);
  }
  if (path.size() > 1) return std::nullopt;
  if (path[0] == "status") return match_of(Verb::status);
  if (path[0] == "topics") return match_of(Verb::topics, take_topics);
  if (path[0] == "hosts") return match_of(Verb::hosts);
  if (path[0] == "events") return match_of(Verb::events, take_events);
  if (path[0] == "rejected") return match_of(Verb::rejected);
  if (path[0] == "metrics") return match_of(Verb::metrics, ignore);
  if (path[0] == "access") return match_of(Verb::access);
  if (path[0] == "pause" || path[0] == "resume") {
    RouteMatch pause = match_of(path[0] == "pause" ? Verb::pause : Verb::resume);
    pause.method = "PUT";
    return pause;
  }
  if (path[0] == "log-level") {
    RouteMatch level = match_of(Verb::log_level, take_log_level);
    level.method = "PUT";
    return level;
  }
  if (path[0] == "reload") return match_of(Verb::reload);
  return find_page(path[0]);
}

std::string not_found_message(const std::vector<std::string>& path, std::string_view raw) {
  std::string message = "there is no " + log::quoted(raw);
  if (path.size() > 2 && path[0] == "channels") message += "; write a / within a channel's name as %2F";
  return message;
}

}  // namespace

bool is_change(Verb verb) {
  switch (verb) {
    case Verb::restart_worker:
    case Verb::restart_workers:
    case Verb::retry:
    case Verb::pause:
    case Verb::resume:
    case Verb::log_level:
    case Verb::reload:
    case Verb::scale:
    case Verb::pause_connector:
    case Verb::resume_connector:
    case Verb::restart_connector:
    case Verb::restart_task:
      return true;
    default:
      return false;
  }
}

std::string unknown_parameter(const Parameter& parameter, std::string_view accepted) {
  return "no parameter " + log::quoted(parameter.name) + " here; accepted: " + std::string(accepted);
}

std::string no_parameters(Route&, const Parameter& parameter) {
  return unknown_parameter(parameter, "none");
}

std::string take_flag(bool& flag, const Parameter& parameter) {
  if (parameter.value != "true" && parameter.value != "false")
    return parameter.name + " is " + log::quoted(parameter.value) + "; accepted: true, false";
  flag = parameter.value == "true";
  return {};
}

RouteMatch match_of(Verb verb, Take take) {
  RouteMatch match;
  match.route.verb = verb;
  if (is_change(verb)) match.method = "POST";
  match.take = std::move(take);
  return match;
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
  if (match->method.empty()) return refuse(404, std::move(match->instead));
  const bool shows = match->method == "GET";
  if (method != match->method && !(shows && method == "HEAD")) {
    const std::string allow = shows ? "GET, HEAD" : std::string(match->method);
    std::string message = log::quoted(path) + " is asked for with " + allow;
    if (!match->instead.empty()) message += "; " + match->instead;
    return refuse(405, std::move(message), allow);
  }

  const auto parameters =
      parameters_of(mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1));
  if (!parameters) return refuse(400, "a % in the query is not followed by two hex digits");
  for (const Parameter& parameter : *parameters)
    if (std::string complaint = match->take(match->route, parameter); !complaint.empty())
      return refuse(400, std::move(complaint));
  if (match->route.verb == Verb::log_level && match->route.level.empty())
    return refuse(400, fmt::format("the parameter level is missing; accepted: {}", log::kLevelsInWords));
  if (match->route.verb == Verb::scale && match->route.workers == 0)
    return refuse(400, "how many workers is to be said: n=" + std::to_string(kFewestWorkers) + " to " +
                           std::to_string(kMostWorkers));
  return std::move(match->route);
}

std::string_view authority_of(std::string_view target) {
  const size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return {};
  const std::string_view rest = target.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?"));
}

std::string encode_cursor(std::string_view cursor) {
  return hex_of(cursor);
}

std::optional<std::string> decode_cursor(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string cursor;
  cursor.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const auto byte = byte_of_hex(text[i], text[i + 1]);
    if (!byte) return std::nullopt;
    cursor.push_back(static_cast<char>(*byte));
  }
  return cursor;
}

}  // namespace e2k::supervisor
