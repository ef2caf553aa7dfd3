// Shell. What a living process costs, from /proc/PID.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace e2k {

struct ProcessUse {
  double cpu_seconds = 0;  // user and system, since it began
  uint64_t rss_bytes = 0;
  bool zombie = false;
  uint64_t start_ticks = 0;  // field 22 of stat: with the pid it names a process for good
};

// Nothing where the process is gone.
std::optional<ProcessUse> process_use(pid_t pid);
struct DescriptorUse {
  uint64_t most = UINT64_MAX;    // RLIMIT_NOFILE, soft; UINT64_MAX: none
  std::optional<uint64_t> used;  // nothing: it is another user's
};
// Nothing where the process is gone.
std::optional<DescriptorUse> descriptor_use(pid_t pid);
// Whether the process that had this pid and began at that tick still runs; a zombie does not.
bool is_running(pid_t pid, uint64_t start_ticks);

// Of the text of /proc/PID/stat; a program's name may hold blanks and brackets.
std::optional<ProcessUse> parse_proc_stat(std::string_view text, long ticks_per_second, long page_bytes);

}  // namespace e2k
