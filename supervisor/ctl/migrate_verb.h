// Shell. `migrate`: the files of a Kafka Connect installation, read; this program's configuration, written
// and judged.
//
// Secrets are written into a file of its own only, which nobody but its owner can read; what is printed has
// references to credentials in their places.
#pragma once

#include <iosfwd>
#include <string>

#include "common/config/directories.h"
#include "supervisor/ctl/client.h"

namespace e2k::supervisor::ctl {

struct MigrateRequest {
  std::string connector, worker;  // paths; no worker: ""
  std::string output;             // a file that does not exist yet; "": `out`
  std::string instance;
};

// Exit::failed: a file can't be read or written, or a service would not start with the result (which is
// written all the same, so that it can be mended).
Exit migrate(const MigrateRequest& request, const config::Environment& environment, std::ostream& out,
             std::ostream& err);

}  // namespace e2k::supervisor::ctl
