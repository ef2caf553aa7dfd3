// Pure. A connector's file, and the file of the Connect worker that ran it, as a draft of this program's
// configuration. Every option of both stands in it: as a line, as an offer, or as a leftover.
#pragma once

#include <set>
#include <string>

#include "supervisor/migrate/connect_file.h"
#include "supervisor/migrate/draft.h"

namespace e2k::supervisor::migrate {

// `worker`: null where none was given. `known`: the names that librdkafka knows.
Draft translate(const ConnectFile& connector, const ConnectFile* worker, const std::set<std::string>& known);

}  // namespace e2k::supervisor::migrate
