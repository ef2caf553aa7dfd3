// Pure. A file of Kafka Connect: a connector's or a worker's options with where each of them stands.
//
// Java properties, or JSON: {"name":…,"config":{…}} as it is posted to /connectors, or the config alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace e2k::supervisor::migrate {

struct Option {
  std::string name, value;
  std::string place;  // "ca-source.properties:3", or the JSON file's name alone
};

struct ConnectFile {
  std::string label;            // the file's name without its folders
  std::vector<Option> options;  // each name once: the last one counts, as in Java

  const Option* find(std::string_view name) const;
};

Result<ConnectFile> read_connect_file(std::string_view text, const std::string& path);

}  // namespace e2k::supervisor::migrate
