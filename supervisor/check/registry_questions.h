// Shell. Whether the schema registries of the converters answer, and let this user in.
//
// One GET of the subjects to each address, with the credentials and certificates of the configuration;
// blocking, under the deadline. No schema is registered or looked up.
#pragma once

#include <vector>

#include "common/config/config.h"
#include "supervisor/check/facts.h"
#include "supervisor/commands/deadline.h"

namespace e2k::supervisor::check {

std::vector<RegistryFacts> ask_registries(const Config& config, const Deadline& deadline);

}  // namespace e2k::supervisor::check
