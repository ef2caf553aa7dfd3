// Pure. What is written down of a worker that was launched, so that the next supervisor can take it over.
//
// One small file a slot, beside its ledger: lines of a name and a value, the first of which names the format
// and its version. It is replaced at the launch and at the greeting, and removed when the worker has ended. A
// version that is not known is refused; a name that is not known is left alone, one that is missing has its
// default. It holds the worker's token: readable for nobody else.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "common/result.h"
#include "supervisor/fleet/obituary.h"

namespace e2k::supervisor {

struct WorkerRecord {
  Slot slot;
  Generation generation;
  int32_t pid = 0;
  uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  std::string token;
  uint32_t control_version = 0;  // the latest that it speaks; 0: it has not greeted yet
  std::string release;           // likewise
  std::string settings;          // a digest of what it was launched with (settings/live.h)
  std::string log_level;
  int64_t started_real_ns = 0;
  // Of its slot.
  uint64_t restarts = 0;
  std::map<std::string, uint64_t> restarts_by_reason = {};
  ExitCause last_cause = ExitCause::none;
  std::string last_exit = {};
  friend bool operator==(const WorkerRecord&, const WorkerRecord&) = default;
};

std::string to_text(const WorkerRecord& record);
Result<WorkerRecord> parse_worker_record(std::string_view text);

}  // namespace e2k::supervisor
