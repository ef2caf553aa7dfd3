#include "supervisor/control/process_figures.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "common/clock.h"
#include "common/process_use.h"

namespace e2k::supervisor {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

uint64_t count_open_fds() {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc/self/fd"));
  if (!directory) return 0;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory.get()))
    if (entry->d_name[0] != '.') ++count;
  return count == 0 ? 0 : count - 1;  // the directory's own
}

}  // namespace

ProcessFigures own_process_figures() {
  ProcessFigures figures;
  figures.cpu_seconds = static_cast<double>(clock_ns(CLOCK_PROCESS_CPUTIME_ID)) / 1e9;
  std::ifstream statm("/proc/self/statm");
  uint64_t virtual_pages = 0, resident_pages = 0;
  const auto page_bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  if (statm >> virtual_pages >> resident_pages) {
    figures.virtual_bytes = virtual_pages * page_bytes;
    figures.resident_bytes = resident_pages * page_bytes;
  }
  if (const auto use = process_use(::getpid())) {
    const double since_boot_s =
        static_cast<double>(use->start_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    const int64_t boot_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
    figures.start_time_unix_s = static_cast<double>(boot_ns) / 1e9 + since_boot_s;
  }
  figures.open_fds = count_open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = limit.rlim_cur;
  return figures;
}

}  // namespace e2k::supervisor
