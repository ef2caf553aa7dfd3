// Shell. The verbs that ask the supervisor: one request or a few, then text or the API's own JSON on stdout.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "supervisor/ctl/client.h"

namespace e2k::supervisor::ctl {

struct Output {
  bool json = false;
  bool colour = false;
  std::ostream& out;
  std::ostream& err;
};

// Each prints, and returns the program's exit code. Diagnostics go to `err`.
// DEGRADED: Exit::degraded; STARTING, STOPPING: Exit::failed.
Exit show_status(const Client& client, const Output& output);
// The connector's status as Kafka Connect has it; exit codes as show_status.
Exit show_connect_status(const Client& client, const Output& output);
Exit show_workers(const Client& client, const Output& output);
Exit show_channel(const Client& client, const std::string& name, const Output& output);
Exit show_rejected(const Client& client, const Output& output);
Exit show_health(const Client& client, const Output& output);  // ok, degraded, or failed: not ready

// `worker`: one slot alone; none: the supervisor, and all workers, also those to come.
Exit set_log_level(const Client& client, const std::string& level, std::optional<unsigned> worker,
                   const Output& output);
Exit pause_service(const Client& client, const Output& output);
Exit resume_service(const Client& client, const Output& output);
Exit retry(const Client& client, const std::string& channel, const std::string& topic, const Output& output);

// For shells' completions: channels, topics or slots that begin so, a line each. Nothing is said of failures.
Exit complete_words(const Client& client, const std::string& what, const std::string& prefix,
                    const Output& output);

Exit complain(const Failure& failure, const Output& output);

}  // namespace e2k::supervisor::ctl
