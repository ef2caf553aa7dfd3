// Pure. One channel as people read it: of each entry first its state and why, then how far its events get.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "supervisor/ctl/status_view.h"

namespace e2k::supervisor::ctl {

std::string channel_text(const nlohmann::json& channel, const Seen& seen);
// "2026-11-24 01:02:03.123 UTC" of a stamp as the supervisor writes it.
std::string stamp_words(const nlohmann::json& stamp);
// ", on its way from worker 1 to worker 0 (preparing)" of an entry that is; else "".
std::string move_words(const nlohmann::json& entry);

}  // namespace e2k::supervisor::ctl
