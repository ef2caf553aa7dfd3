// Shell. `import`: commands from a file, stdin or MONITOR_CHANNELS into the topic.
//
// All lines are judged first; one mistake, and nothing is written. The difference is shown before it is
// written; deletes (--prune) are asked for unless `yes`.
#pragma once

#include <iosfwd>
#include <string>

#include "supervisor/ctl/topic_verbs.h"

namespace e2k::supervisor::ctl {

struct ImportRequest {
  std::string file;               // "-": stdin
  bool from_environment = false;  // MONITOR_CHANNELS: a file's path or a list
  bool dry_run = false, prune = false, yes = false;
  std::optional<KeyForm> form;
};

Exit import_entries(const TopicUse& use, const ImportRequest& request, const Environment& environment,
                    std::istream& answers);

}  // namespace e2k::supervisor::ctl
