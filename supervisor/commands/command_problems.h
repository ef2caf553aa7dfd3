// Pure. What is said of commands that stand in the topic and do not do what they should: the texts of
// COMMANDS_REJECTED and COMMAND_TOPIC_PARTITIONS; "" where there are none.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "supervisor/commands/command_state.h"

namespace e2k::supervisor {

// Those without a key can't be mended, and are listed only.
std::string rejected_commands_text(const std::string& topic, const std::deque<Rejection>& standing);
std::string split_keys_text(const std::string& topic, size_t keys,
                            const std::optional<CommandState::SplitKey>& example);

}  // namespace e2k::supervisor
