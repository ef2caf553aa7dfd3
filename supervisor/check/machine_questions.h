// Shell. This machine, looked at: directories, limits, the addresses of IOCs, the repeater, the clock.
//
// Nothing is created or changed. As root, directories are tried with the rights of the service's user; that
// changes this process's for a moment, so it is called before other threads begin. Names are resolved by the
// system's resolver, which may take its time-outs.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "supervisor/check/machine_facts.h"

namespace e2k::supervisor::check {

// A service that runs.
struct Running {
  pid_t supervisor = 0;  // 0: none does
  std::map<unsigned, pid_t> workers;
  std::optional<HostClock> worst_clock;
};

MachineFacts ask_machine(const Config& config, const Running& running);

// What the process was given, where this user may see it; nothing: it may not.
std::optional<std::map<std::string, std::string>> environment_of(pid_t pid);

}  // namespace e2k::supervisor::check
