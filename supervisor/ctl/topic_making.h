// Shell. The command topic made, or deleted with all that it commands.
#pragma once

#include <iosfwd>

#include "supervisor/ctl/topic_verbs.h"

namespace e2k::supervisor::ctl {

// Compacted, with one partition; one that exists stays as it is, and Exit::failed says that it is not
// compacted.
Exit make_command_topic(const TopicUse& use);
// Asks in `answers` unless `yes`. A topic that is not there is Exit::not_found.
Exit delete_command_topic(const TopicUse& use, bool yes, std::istream& answers);

}  // namespace e2k::supervisor::ctl
