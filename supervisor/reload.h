// Shell. A new configuration, or a new release, without a new process: the installed program judges the
// configuration (--check), then takes this process's place (execve): same pid, same locks, and workers that
// do not notice, because the new image takes them over like those of any earlier supervisor.
//
// The judge is the program that is installed by then, run with this process's own arguments: what it refuses
// would not start, and one that can't even run is found out before it is too late. What it says comes back
// over a pipe; nothing here waits for it. Where anything fails nothing has changed, and view() says why.
//
// One thread, the event loop's. execute() returns only where it has failed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

// What is to be executed: found out at the start, because a program that is replaced loses its name.
struct InstalledProgram {
  std::string path;  // absolute; as it was called where that leads to it, so that a link is followed anew
  std::vector<std::string> arguments;  // argv, the program's name included
  static InstalledProgram of_this_process(int argc, char** argv);
};

class Reload {
public:
  static constexpr int64_t kJudgeTimeoutMs = 30'000;

  // `kept`: descriptors that the new image is to inherit, the locks.
  static std::unique_ptr<Reload> make(boost::asio::io_context& loop, InstalledProgram program,
                                      std::vector<int> kept);
  virtual ~Reload() = default;

  // Has the configuration judged; `judged` is told whether it is to be executed. The Error: one is under way.
  // The number of this reload.
  virtual Result<uint64_t> begin(std::function<void(bool good)> judged) = 0;
  // The Error says why this image is still there.
  virtual Error execute() = 0;
  virtual const ReloadView& view() const = 0;
};

}  // namespace e2k::supervisor
