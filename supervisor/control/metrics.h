// Pure. The figures for Prometheus, in its text format (version 0.0.4).
//
// Every family has HELP and TYPE and its samples stand together. Base units; counters end in _total; labels
// are worker (the slot), state, reason: never a channel. A worker's counters carry on over restarts, as its
// ledger does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/control/model.h"

namespace e2k::supervisor {

// The supervisor's own process, under the names that every client library uses. 0: not known.
struct ProcessFigures {
  double cpu_seconds = 0;
  double start_time_unix_s = 0;
  uint64_t resident_bytes = 0, virtual_bytes = 0;
  uint64_t open_fds = 0, max_fds = 0;
};

// `gone_slots`: their counters of events go on beside those of the workers, so that no sum falls.
std::string metrics_text(const StatusView& status, const std::vector<WorkerView>& workers,
                         const std::vector<WorkerView>& gone_slots, const ProcessFigures& process);

}  // namespace e2k::supervisor
