// Shell. Which logs of a slot there are in the spool's folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/result.h"

namespace e2k::spool {

struct LogFolder {
  Generation generation;
  std::string path;
};

struct SlotFolders {
  std::vector<LogFolder> logs;  // `<slot>.<generation>`, the oldest first
  uint32_t aside_logs = 0;      // folders in `<slot>.aside`
};

// A spool that is not there yet has none. What a process left half removed is removed. A log of another
// format is told, with the remedy, and left out.
Result<SlotFolders> find_slot_folders(const std::string& spool, Slot slot);

// `<spool>/<slot>.<generation>`
std::string log_folder(const std::string& spool, Slot slot, Generation generation);

}  // namespace e2k::spool
