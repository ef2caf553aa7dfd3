// Pure. How spool.max_total_bytes is divided among workers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "common/config/config.h"

namespace e2k::supervisor {

// What a worker can't do without: room for two segments, and a segment for the largest event.
inline int64_t least_part(const Config::Spool& spool) {
  return std::max<int64_t>(3 * spool.max_event_bytes, 1 << 20);
}

inline int64_t part_of(const Config::Spool& spool, int workers) {
  return std::max(spool.max_total_bytes / std::max(workers, 1), least_part(spool));
}

inline int64_t most_workers(const Config::Spool& spool) {
  return spool.max_total_bytes / least_part(spool);
}

// Why there can't be so many workers, with the remedy; "": there can.
inline std::string refusal_of_workers(const Config::Spool& spool, int workers) {
  if (workers <= most_workers(spool)) return "";
  return "spool.max_total_bytes is too small to be shared by " + std::to_string(workers) +
         " workers; accepted: at most " + std::to_string(most_workers(spool)) +
         " workers, or spool.max_total_bytes of at least " + std::to_string(least_part(spool) * workers) +
         " (three times spool.max_event_bytes a worker)";
}

}  // namespace e2k::supervisor
