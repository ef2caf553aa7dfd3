// Pure. Which output topics a command may name.
#pragma once

#include <string>
#include <vector>

#include "supervisor/commands/command_state.h"

namespace e2k::supervisor {

// `allow`: regular expressions (common/config/patterns.h), one of which must match the whole name as it is
// commanded. The reserved and illegal names (proto/command_record.h, topic_name_problem) are refused for the
// commanded name and for the name with its prefix, which is what will be written to.
TopicRule make_topic_rule(const std::vector<std::string>& allow, std::string prefix,
                          std::string command_topic);

}  // namespace e2k::supervisor
