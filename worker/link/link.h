// Shell. The worker's end of the control plane: a ZeroMQ DEALER and the protocol machine, on the calling
// thread.
//
// run_link() greets the supervisor and serves it until the worker has to leave; what it returns is the code
// and the reason to leave with. By then every subscription was asked to be cleared, and `cleared` says
// whether that was seen to be done: only then is nothing appended any more. It calls nothing of Channel
// Access, so that a hang there leaves the heartbeats going; the progress words in them tell which thread
// stands still.
//
// SIGTERM must be blocked in every thread of the process (block_signals() at the beginning of main); it is
// read here and means: drain and leave with 0. SIGINT is ignored: a terminal's Ctrl-C is for the supervisor.
#pragma once

#include <functional>
#include <string>

#include "proto/launch.h"
#include "worker/monitors.h"
#include "worker/publish/publishing.h"

namespace e2k::worker {

struct LinkOutcome {
  WorkerExit exit = WorkerExit::done;
  std::string reason;
  bool cleared = false;
};

// SIGTERM blocked, SIGINT and SIGPIPE ignored; before the first thread is made.
void block_signals();

LinkOutcome run_link(const LaunchContract& contract, Monitors& monitors, Publishing& publishing,
                     std::function<void(const std::string& level)> change_log_level);

}  // namespace e2k::worker
