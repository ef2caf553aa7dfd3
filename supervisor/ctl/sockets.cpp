#include "supervisor/ctl/sockets.h"

#include <algorithm>
#include <utility>

#include "common/config/load.h"

namespace e2k::supervisor::ctl {

std::vector<Sockets> sockets_of(const std::string& configuration, const std::string& instance,
                                const config::Environment& environment) {
  LoadOptions load;
  load.path = configuration;
  load.environment = environment;
  const ControlPaths named = load_control_paths(load);
  const std::string status = named.status_socket.value_or("");
  std::vector<Sockets> sockets;
  if (named.socket) sockets.emplace_back(*named.socket, status);
  for (std::string& path : config::control_socket_candidates(environment, instance))
    if (std::none_of(sockets.begin(), sockets.end(), [&](const Sockets& s) { return s.control == path; }))
      sockets.emplace_back(std::move(path), status);
  return sockets;
}

}  // namespace e2k::supervisor::ctl
