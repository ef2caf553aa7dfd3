// Shell. The arguments of the verbs that go to Kafka: set, unset, list, import and export to the command
// topic, compare and monitor to output topics.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "supervisor/ctl/queries.h"
#include "supervisor/ctl/topic_settings.h"

namespace e2k::supervisor::ctl {

// What the program lends to its verbs. All but `choose` is called after the arguments were parsed.
struct TopicCommandContext {
  // A verb was given: this is to be run for the exit code.
  std::function<void(std::function<int()>)> choose;
  // Calls a verb with a client of the supervisor and the standard output.
  std::function<int(const std::function<Exit(const Client&, const Output&)>&)> run;
  std::function<double()> timeout_s;
  std::function<std::string()> instance;
  Environment environment;
};

void add_topic_commands(CLI::App& app, const TopicCommandContext& context);

}  // namespace e2k::supervisor::ctl
