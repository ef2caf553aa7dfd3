// Pure. From configuration text and what surrounds it to a Config, or to all its mistakes.
//
// What reads files, credentials and the environment is handed in; config/load.h does that for the programs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/config/directories.h"
#include "common/config/document.h"
#include "common/config/load.h"
#include "common/result.h"

namespace e2k::config {

struct Surroundings {
  std::string path;  // for messages and Config::path
  std::string instance;
  std::vector<std::string> settings;  // --set arguments
  bool others_can_read = false;       // the file: a literal secret in it is then a mistake
  unsigned cores = 1;
  Environment environment;
  // The text behind a reference, without one trailing newline; the error says what is missing and the remedy.
  std::function<Result<std::string>(const Reference&)> resolve;
};

// Config::sha256 is left to the caller.
tl::expected<Config, ConfigErrors> build_config(std::string_view toml, const Surroundings& surroundings);

}  // namespace e2k::config
