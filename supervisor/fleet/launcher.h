// Shell. Starts one process, and says why where that fails.
//
// vfork and exec, with everything prepared before: the child runs on our memory, which a fork of a supervisor
// of a million entries would take a twentieth of a second to copy the tables of, and we wait until it
// executes. It calls nothing but async-signal-safe functions until then. What fails there comes back over a
// close-on-exec pipe as {stage, errno}; its end of file means that the program runs. The child gets
//   - a session of its own: a terminal's Ctrl-C does not reach it
//   - /dev/null as stdin, stdout and stderr as they are, the contract (if any) as descriptor 3, nothing else
//   - an empty signal mask and default dispositions
//   - RLIMIT_NOFILE finite and as large as is of use (libca closes every descriptor up to it when it spawns)
// Readiness is not this file's business: that is the child's greeting.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/fd.h"
#include "common/result.h"

namespace e2k::supervisor {

inline constexpr int kLaunchFd = 3;

struct LaunchRequest {
  std::string program = {};                             // a path, not searched for
  std::vector<std::string> arguments = {};              // argv[1]…
  std::optional<std::string> contract = {};             // put into a sealed memfd, descriptor kLaunchFd
  std::map<std::string, std::string> environment = {};  // on top of ours
  int oom_score_raise = 0;                              // above ours: goes before us where memory runs out
  bool dies_with_us = false;                            // PR_SET_PDEATHSIG: for the repeater
  int stderr_fd = -1;                                   // in place of ours; stdout is then /dev/null
  uint64_t fewest_descriptors = 0;                      // that it may have; below them it is not started
};

struct Process {
  pid_t pid = 0;
  UniqueFd pidfd;  // readable once the process has ended
};

struct LaunchProblem {
  std::string stage;  // "memfd", "fork", "exec PROGRAM", …
  int error_number = 0;
};

tl::expected<Process, LaunchProblem> launch(const LaunchRequest& request);

// A process that somebody else started, if it still runs or has not been reaped: then reap() tells how it
// ended. The pid alone could be another's by now.
std::optional<Process> find_process(pid_t pid, uint64_t start_ticks);

// wait(2)'s status of a process that has ended, reaped; nothing while it runs. kEndNotKnown (obituary.h)
// where it was not our child.
std::optional<int> reap(const Process& process);
// SIGKILL, or another; false where the process is gone.
bool send_signal(const Process& process, int signal);

// 128 bits that nobody else knows, in hexadecimal: what a worker shows for having been launched here.
std::string launch_token();

// The worker program: `configured` if not empty, else beside this program, else ../lib/epics2kafka of it.
Result<std::string> find_worker_program(const std::string& configured);

}  // namespace e2k::supervisor
