// Pure. Why a topic takes nothing, from the supervisor's word for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/ledger_format.h"

namespace e2k::supervisor::ctl {

std::optional<ledger::Blocked> blocked_named(std::string_view word);
// "does not exist", …; an unknown word as it is.
std::string blocked_words(std::string_view word);

}  // namespace e2k::supervisor::ctl
