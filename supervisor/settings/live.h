// Pure. What a changed configuration means for a worker that runs: nothing, a message, or another worker.
//
// A worker is told its settings when it is launched, as a contract. What can be told to it later (the level
// of its log, the lease, how long it drains, its share of the spool, pause) is no reason to replace it, and
// neither is what differs from one launch to the next. The rest is compared by a digest, so that whoever
// keeps it keeps no secret; the worker's token goes into it, so that equal secrets of two workers do not show
// either.
#pragma once

#include <string>

#include "proto/launch.h"

namespace e2k::supervisor {

enum class Reach {
  nothing,      // it runs with the very settings that are in effect
  message,      // it can be told
  replacement,  // only its successor can have them
};

// What a worker was launched with, as far as it is kept.
struct LaunchedWith {
  std::string settings;  // the digest of its contract
  std::string log_level;
  std::string release;  // of the program
};

std::string settings_digest(const LaunchContract& contract);

// `now`: the contract that the worker would be launched with, under its own token. `release`: of the worker
// program that is installed.
Reach reach(const LaunchedWith& worker, const LaunchContract& now, const std::string& release);

}  // namespace e2k::supervisor
