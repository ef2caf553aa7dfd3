// Pure. The status as people read it, in 80 columns: whether events are late or lost now, what must be acted
// on, then figures and workers.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {

// Older than this, the oldest event that waits is late.
inline constexpr double kLateS = 5;

struct Seen {
  int64_t now_unix_ns = 0;
  Paint paint;
};

std::string status_text(const nlohmann::json& status, const Seen& seen);
std::string health_text(const nlohmann::json& ready, const Seen& seen);
// One line: rates, lag, and whether events are lost or late.
std::string flow_line(const nlohmann::json& status, const Paint& paint);
// `items` of the status or of /workers, with the exits below the table.
std::string compact_workers_text(const nlohmann::json& workers);

}  // namespace e2k::supervisor::ctl
