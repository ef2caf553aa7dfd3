// Shell. What the first process of a container owes the others, where that is this program.
//
// Process 1 inherits every process whose parent has gone (what a health check or `podman exec` left behind)
// and has to reap it, or it stays as a zombie. The supervisor waits for its own children alone, each by its
// pidfd, so that nobody takes a worker's exit status away from it. As process 1 it therefore forks: the child
// is the supervisor; the parent passes on the signals that it gets, reaps whatever ends, and ends as the
// supervisor did. The kernel kills the rest.
//
// To be called before any thread is started.
#pragma once

#include <optional>

namespace e2k::supervisor {

// In the one that is to go on: nothing. In process 1, once the supervisor has ended: the exit status to end
// with, 128 and the signal's number where a signal ended it.
std::optional<int> run_behind_process_one();

}  // namespace e2k::supervisor
