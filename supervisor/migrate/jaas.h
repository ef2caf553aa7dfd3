// Pure. A line of sasl.jaas.config: the class of a login module, a flag, options, a semicolon.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/result.h"

namespace e2k::supervisor::migrate {

struct JaasEntry {
  std::string module;  // the class's name with its package
  std::map<std::string, std::string> options;
};

// Quotes are ' or "; a backslash within them takes the next character as it is. What stands behind the first
// entry's semicolon is an error, as it is to Kafka.
Result<JaasEntry> read_jaas(std::string_view text);

}  // namespace e2k::supervisor::migrate
