// Shell. Reads the configuration file, applies --set, resolves secrets and directories, and says what is
// wrong.
//
// Every mistake is reported, not only the first: each message names file, line, key and the accepted values.
// Nothing is started by a configuration that has one. What only librdkafka can judge (unknown properties, bad
// values) is asked of it by supervisor/settings/property_check.h; the refused properties (owned, Java-only)
// are named here. Directories and instances: config/directories.h. The parts that read nothing are in
// config/build.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/result.h"

namespace e2k {

struct LoadOptions {
  std::string path = "/etc/epics2kafka/epics2kafka.toml";
  std::string instance;               // --instance NAME; path is then /etc/epics2kafka/NAME.toml unless given
  std::vector<std::string> settings;  // --set key=value, dotted keys, in order
  // Judged in place of the file's content, as a file that only its owner can read; `path` is for the
  // messages.
  std::optional<std::string> text = std::nullopt;
  // getenv of the process when empty; tests replace it.
  std::function<std::optional<std::string>(const std::string& name)> environment = nullptr;
};

// One mistake: "FILE:LINE: key: what is wrong; accepted: …".
struct ConfigErrors {
  std::vector<std::string> messages;
};

tl::expected<Config, ConfigErrors> load_config(const LoadOptions& options);

// Where the file says that the service listens; nothing where it says nothing, or can't be read that far.
// For clients, which may read the file and none of the service's secrets: nothing else of it is looked at, so
// that what can't be resolved or is wrong elsewhere does not matter.
struct ControlPaths {
  std::optional<std::string> socket, status_socket;
};
ControlPaths load_control_paths(const LoadOptions& options);

// The effective configuration as TOML that load_config would read back; secrets as ***.
std::string print_config(const Config& config);

}  // namespace e2k
