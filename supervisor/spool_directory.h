// Shell. The spool directory as the supervisor sees it: locked for as long as the supervisor lives, and
// looked through for what workers left in it.
//
// The lock (flock on `lock`) is taken before anything else there is touched: two supervisors whose settings
// name one spool would take each other's logs for their own. The names that belong there:
//     lock   <slot>.<generation>/   <slot>.aside/<number>/   <slot>.names   damaged/
// and what ends in `.removed`, which workers were about to remove. Everything else is left alone and told in
// the log.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/fd.h"
#include "common/ids.h"
#include "common/result.h"

namespace e2k::supervisor {

// What the directory holds of one slot.
struct SlotSpool {
  bool logs = false;   // a generation's folder, or that of topics' own logs
  bool names = false;  // its book of names
};

struct SpoolSurvey {
  std::map<Slot, SlotSpool> slots;
  Generation last_generation;          // the highest that a folder is named after
  std::vector<std::string> strangers;  // paths that do not belong there
};

class SpoolDirectory {
public:
  // Makes the directory (mode 0750) and locks it. The Error names it, the process that holds it, and the
  // remedy.
  static Result<SpoolDirectory> open(const std::string& path);

  // What is there now. A directory that can't be read to its end is an Error: what is not seen would be
  // forgotten.
  Result<SpoolSurvey> survey() const;
  const std::string& path() const { return path_; }
  int lock_fd() const { return lock_.get(); }

  // What its file system has beyond the bytes that are to stay free; UINT64_MAX where it does not say.
  static uint64_t room_bytes(const std::string& path, int64_t keep_free_bytes);

private:
  SpoolDirectory(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

}  // namespace e2k::supervisor
