// Shell. What the threads of a worker do, by /proc.
#pragma once

#include <sys/types.h>

namespace e2k::supervisor {

// The thread that publishes, or the one that talks to us, is in an uninterruptible wait: for a disk, or for a
// page of its files. It can't be killed meanwhile either.
bool waits_for_disk(pid_t pid);

}  // namespace e2k::supervisor
