#include "common/config/directories.h"

#include <string_view>

namespace e2k::config {
namespace {

constexpr std::string_view kService = "epics2kafka";

// The first absolute path that the variable holds.
std::optional<std::string> path_in(const Environment& environment, const std::string& variable) {
  auto value = environment(variable);
  if (!value) return std::nullopt;
  value->resize(std::min(value->size(), value->find(':')));
  while (value->size() > 1 && value->back() == '/') value->pop_back();
  if (value->empty() || value->front() != '/') return std::nullopt;
  return value;
}

std::optional<std::string> service_in(const Environment& environment, const std::string& variable,
                                      std::string_view below = "") {
  auto base = path_in(environment, variable);
  if (!base) return std::nullopt;
  return *base + std::string(below) + "/" + std::string(kService);
}

std::string of_instance(std::string base, const std::string& instance) {
  if (instance.empty()) return base;
  const std::string_view last = std::string_view(base).substr(base.rfind('/') + 1);
  if (last == instance || last.ends_with("-" + instance)) return base;
  return base + "/" + instance;
}

}  // namespace

Directories find_directories(const Environment& environment, const std::string& instance) {
  auto state = path_in(environment, "STATE_DIRECTORY");
  if (!state) state = service_in(environment, "XDG_STATE_HOME");
  if (!state) state = service_in(environment, "HOME", "/.local/state");
  auto runtime = path_in(environment, "RUNTIME_DIRECTORY");
  if (!runtime) runtime = service_in(environment, "XDG_RUNTIME_DIR");
  return {of_instance(state.value_or("/var/lib/epics2kafka"), instance),
          of_instance(runtime.value_or("/run/epics2kafka"), instance)};
}

std::string default_config_path(const std::string& instance) {
  return "/etc/epics2kafka/" + (instance.empty() ? std::string(kService) : instance) + ".toml";
}

std::vector<std::string> control_socket_candidates(const Environment& environment,
                                                   const std::string& instance) {
  std::vector<std::string> candidates;
  const auto add = [&](std::string directory) {
    std::string path = of_instance(std::move(directory), instance) + "/control.sock";
    if (candidates.empty() || candidates.back() != path) candidates.push_back(std::move(path));
  };
  if (auto given = path_in(environment, "RUNTIME_DIRECTORY")) add(*given);
  if (auto own = service_in(environment, "XDG_RUNTIME_DIR")) add(*own);
  // Of epics2kafka@NAME.service: beside the other service's, which is removed as a whole when that one stops.
  if (!instance.empty()) add("/run/epics2kafka-" + instance);
  add("/run/epics2kafka");
  return candidates;
}

}  // namespace e2k::config
