// Shell. The rest of a configuration's judgement: what librdkafka says of its properties, whether the options
// of a schema registry fit together, whether the files that they name can be read.
//
// For the supervisor's start and --check, and for `epics2kafkactl check`: load_config first, then this;
// nothing connects to a broker or registry.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/config/config.h"

namespace e2k {

// Who judges. A client runs nothing that the file names: it has its own user's rights, not the service's.
// What librdkafka's plug-ins would say of their own properties is then not known.
enum class JudgedBy { service, client };

// Every mistake as a message that names file, line and key, as load_config's do; none: librdkafka starts with
// these properties. A mistake in [kafka] that both producer and consumer stumble over is told once.
std::vector<std::string> check_config(const Config& config, JudgedBy judge = JudgedBy::service);

// Settings that are valid and that this version does not carry out, or not as they say: "FILE:LINE: key: …".
// The service starts all the same; whoever set them is told.
std::vector<std::string> config_remarks(const Config& config);

// Whether the file names code that a client leaves alone.
bool names_code(const Config& config);

// The producer's properties that belong to epics2kafka, with their values.
const std::map<std::string, std::string>& owned_producer_properties();

}  // namespace e2k
