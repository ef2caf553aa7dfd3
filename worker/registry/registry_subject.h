// Pure. The name under which a registry keeps a schema.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/registry/registry_settings.h"
#include "worker/encode/encoder.h"

namespace e2k::worker {

using config::Question;
using config::RecordPart;
using config::RegistrySettings;
using config::RegistryUrl;
using config::SubjectStrategy;

// The subject of a topic's records. Only where strategy_problem() has none.
std::string subject_of(const RegistrySettings& settings, RecordPart part, std::string_view topic,
                       const SchemaDocument& schema);
// Why the strategy can't name a subject for such a schema: a plug-in's need not have a record's name.
std::optional<std::string> strategy_problem(const RegistrySettings& settings, RecordPart part,
                                            const SchemaDocument& schema);

}  // namespace e2k::worker
