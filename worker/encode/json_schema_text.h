// Pure. A schema as Confluent's JsonSchemaConverter registers it.
#pragma once

#include <string>

#include "worker/encode/schema.h"

namespace e2k::worker {

// The properties stand in the order in which Java's HashMap walks their names, so that a registry finds the
// very text that the Java converter registered there.
std::string json_schema_text(const Schema& schema);

}  // namespace e2k::worker
