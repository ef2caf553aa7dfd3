#include "supervisor/settings/live.h"

#include "common/sha256.h"

namespace e2k::supervisor {

std::string settings_digest(const LaunchContract& contract) {
  LaunchContract same = contract;
  // What every launch has of its own…
  same.generation = Generation{};
  same.supervisor_pid = 0;
  same.spool_path.clear();
  same.fresh_books = false;
  same.estates.clear();
  // …and what is told by messages.
  same.paused = false;
  same.held_channels.clear();
  same.log_level.clear();
  same.lease_s = 0;
  same.drain_timeout_ms = 0;
  same.spool_max_bytes = 0;
  return sha256_hex(encode(same));
}

Reach reach(const LaunchedWith& worker, const LaunchContract& now, const std::string& release) {
  if (worker.release != release || worker.settings != settings_digest(now)) return Reach::replacement;
  return worker.log_level == now.log_level ? Reach::nothing : Reach::message;
}

}  // namespace e2k::supervisor
