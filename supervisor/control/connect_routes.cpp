#include "supervisor/control/connect_routes.h"

#include <utility>

#include "common/log.h"

namespace e2k::supervisor {
namespace {

constexpr const char* kNotMade =
    "connectors are not made here: this service is the connector; its settings stand in the configuration "
    "file, its channels come from the command topic (`epics2kafkactl set`)";
constexpr const char* kNotRemoved =
    "the connector is this service: `systemctl stop epics2kafka` ends it, PUT …/pause holds its records "
    "back, "
    "and `epics2kafkactl unset` removes channels from the command topic";
constexpr const char* kNotSet =
    "the configuration is not changed over HTTP: change the configuration file and restart the service";
constexpr const char* kNotStopped =
    "a connector is not stopped here: PUT …/pause holds its records back, `systemctl stop epics2kafka` ends "
    "it";
constexpr const char* kNoOffsets =
    "Channel Access has no offsets to go back to; /channels/NAME shows where a channel's last record went";
constexpr const char* kNoReset =
    "the topics are those of the entries in the command topic: there is nothing to reset";
constexpr const char* kNotValidated =
    "a configuration is judged by `epics2kafka-supervisor --config FILE --check`, not over HTTP";

std::string take_expand(Route& route, const Parameter& parameter) {
  if (parameter.name != "expand") return unknown_parameter(parameter, "expand");
  if (parameter.value == "status")
    route.expand_status = true;
  else if (parameter.value == "info")
    route.expand_info = true;
  else
    return "expand is " + log::quoted(parameter.value) + "; accepted: status, info";
  return {};
}

std::string take_restart(Route& route, const Parameter& parameter) {
  if (parameter.name == "includeTasks") return take_flag(route.include_tasks, parameter);
  if (parameter.name == "onlyFailed") return take_flag(route.only_failed, parameter);
  return unknown_parameter(parameter, "includeTasks, onlyFailed");
}

std::string take_plugins(Route&, const Parameter& parameter) {
  bool connectors_only = true;  // there is nothing else
  if (parameter.name == "connectorsOnly") return take_flag(connectors_only, parameter);
  return unknown_parameter(parameter, "connectorsOnly");
}

RouteMatch with(RouteMatch match, const char* instead) {
  match.instead = instead;
  return match;
}

RouteMatch put(Verb verb) {
  RouteMatch match = match_of(verb);
  match.method = "PUT";
  return match;
}

RouteMatch nowhere(const char* instead) {
  RouteMatch match = match_of(Verb::connector);
  match.method = "";
  match.instead = instead;
  return match;
}

// What stands under a connector's name.
std::optional<RouteMatch> match_part(std::string_view part) {
  if (part == "config") return with(match_of(Verb::connector_config), kNotSet);
  if (part == "status") return match_of(Verb::connector_status);
  if (part == "tasks") return match_of(Verb::connector_tasks);
  if (part == "topics") return match_of(Verb::connector_topics);
  if (part == "pause") return put(Verb::pause_connector);
  if (part == "resume") return put(Verb::resume_connector);
  if (part == "restart") return match_of(Verb::restart_connector, take_restart);
  if (part == "stop") return nowhere(kNotStopped);
  if (part == "offsets") return nowhere(kNoOffsets);
  return std::nullopt;
}

std::optional<RouteMatch> match_task(const std::vector<std::string>& path) {
  const auto slot = whole_number<uint16_t>(path[3]);
  if (!slot || path.size() != 5) return std::nullopt;
  const bool shows = path[4] == "status";
  if (!shows && path[4] != "restart") return std::nullopt;
  RouteMatch match = match_of(shows ? Verb::connector_task_status : Verb::restart_task);
  match.route.slot = Slot{*slot};
  return match;
}

std::optional<RouteMatch> match_connector(const std::vector<std::string>& path) {
  if (path.size() == 1) return with(match_of(Verb::connectors, take_expand), kNotMade);
  if (path.size() == 2) return with(match_of(Verb::connector), kNotRemoved);
  if (path.size() == 3) return match_part(path[2]);
  if (path[2] == "tasks") return match_task(path);
  if (path.size() == 4 && path[2] == "topics" && path[3] == "reset") return nowhere(kNoReset);
  return std::nullopt;
}

}  // namespace

std::optional<RouteMatch> match_connect(const std::vector<std::string>& path) {
  if (path[0] == "connector-plugins")
    return path.size() == 1 ? match_of(Verb::connector_plugins, take_plugins) : nowhere(kNotValidated);
  if (path[0] != "connectors") return std::nullopt;
  auto match = match_connector(path);
  if (match && path.size() > 1) match->route.connector = path[1];
  return match;
}

}  // namespace e2k::supervisor
