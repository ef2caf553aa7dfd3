// Pure. A configuration from text alone: a file named f.toml, an environment and secrets that are given.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/config/build.h"
#include "common/config/load.h"

namespace e2k {

struct FakeSite {
  std::map<std::string, std::string> environment = {{"XDG_STATE_HOME", "/state"},
                                                    {"XDG_RUNTIME_DIR", "/run/user/7"}};
  std::map<std::string, std::string> secrets;  // by file, credential or variable name
  std::vector<std::string> settings;
  std::string instance;
  bool others_can_read = false;
  unsigned cores = 8;

  tl::expected<Config, ConfigErrors> build(const std::string& toml) const {
    config::Surroundings around;
    around.path = "f.toml";
    around.instance = instance;
    around.settings = settings;
    around.others_can_read = others_can_read;
    around.cores = cores;
    around.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    around.resolve = [this](const config::Reference& reference) -> Result<std::string> {
      const auto found = secrets.find(reference.name);
      if (found == secrets.end()) return fail("no secret " + reference.name);
      return found->second;
    };
    return config::build_config(toml, around);
  }

  // All messages, a line each; "" when there is none.
  std::string mistakes(const std::string& toml) const {
    const auto config = build(toml);
    std::string text;
    if (!config)
      for (const std::string& message : config.error().messages) text += message + "\n";
    return text;
  }
};

}  // namespace e2k
