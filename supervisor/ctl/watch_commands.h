// Shell. The arguments of the verbs that people watch the service with: lists, one channel's chain.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "common/config/directories.h"
#include "supervisor/ctl/queries.h"

namespace e2k::supervisor::ctl {

// What the program lends to its verbs. All but `choose` and `add_watch` is called after the arguments were
// parsed.
struct WatchCommandContext {
  // A verb was given: this is to be run for the exit code.
  std::function<void(std::function<int()>)> choose;
  // Calls a verb with a client of the supervisor and the standard output, again and again with --watch.
  std::function<int(const std::function<Exit(const Client&, const Output&)>&)> run;
  std::function<void(CLI::App*)> add_watch;  // the option
  std::function<std::string()> instance;
  std::function<bool()> on_terminal;
  config::Environment environment;
};

void add_watch_commands(CLI::App& app, const WatchCommandContext& context);

}  // namespace e2k::supervisor::ctl
