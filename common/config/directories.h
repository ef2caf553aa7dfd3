// Pure. The directories of a service and of its instances, from the environment.
//
// state    $STATE_DIRECTORY, else $XDG_STATE_HOME/epics2kafka, else $HOME/.local/state/epics2kafka, else
//          /var/lib/epics2kafka
// runtime  $RUNTIME_DIRECTORY, else $XDG_RUNTIME_DIR/epics2kafka, else /run/epics2kafka
//
// An instance has directories of its own below these: <state>/NAME, <runtime>/NAME; and its file is
// /etc/epics2kafka/NAME.toml. Where the service manager gave a directory that is the instance's already (its
// last component is NAME or ends in -NAME, as StateDirectory=epics2kafka/%i does), it is taken as it is.
// Relative paths in these variables are ignored; of several in one variable the first counts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace e2k::config {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct Directories {
  std::string state, runtime;
};
Directories find_directories(const Environment& environment, const std::string& instance);

std::string default_config_path(const std::string& instance);

// Where a client looks for the control socket of a service that it did not start, best first: the user's own
// service, then the system's.
std::vector<std::string> control_socket_candidates(const Environment& environment,
                                                   const std::string& instance);

}  // namespace e2k::config
