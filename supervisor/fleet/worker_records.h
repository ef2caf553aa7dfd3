// Shell. The records of the workers (worker_record.h) as files: <runtime>/workers/<slot>.worker, mode 0600.
//
// They are of the machine's present run and are not synced. One that can't be written is told in the log: the
// worker can then not be taken over, and is told to drain by the next supervisor.
#pragma once

#include <vector>

#include "common/config/config.h"
#include "supervisor/fleet/launcher.h"
#include "supervisor/fleet/worker_record.h"

namespace e2k::supervisor {

void keep_record(const Config& config, const WorkerRecord& record);
// Only of that generation: a later worker's is left.
void remove_record(const Config& config, Slot slot, Generation generation);

struct FoundWorker {
  WorkerRecord record;
  Process process;
};
// The workers of an earlier supervisor that still run, by slot. Records of those that do not are removed;
// one that can't be understood is told and removed: its worker will be told to drain.
std::vector<FoundWorker> find_workers(const Config& config);

}  // namespace e2k::supervisor
