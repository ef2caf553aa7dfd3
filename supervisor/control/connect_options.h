// Pure. The effective configuration under the names that the connector's options have in Kafka Connect.
//
// Only what has a counterpart there; the whole of it is what --check prints. Secrets, and options of a
// plug-in (which alone knows its secrets), are not among them: a secret is ***.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/config/config.h"

namespace e2k::supervisor {

inline constexpr std::string_view kConnectorClass = "org.jlab.kafka.connect.CASourceConnector";
inline constexpr std::string_view kTaskClass = "org.jlab.kafka.connect.CASourceTask";

using ConnectOptions = std::map<std::string, std::string>;

// What the control surface says of itself as a connector.
struct Connector {
  std::string name = "ca-source";
  std::string host = "localhost";  // this machine's name
  ConnectOptions options;
};

ConnectOptions connect_options(const Config& config);

}  // namespace e2k::supervisor
