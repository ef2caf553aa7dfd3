// Shell. The libca context of the *ca* thread, with preemptive callbacks.
//
// Made and destroyed by that thread, which is the only one that makes requests. Whatever libca would print
// goes to our log, by the exception handler, the printf handler and libCom's errlog, whose console is
// switched off: with a code where its words are known (libca_lines.h), and the first kMaxLines of kLinePeriod
// only, the rest is counted. That a circuit could not be opened is no line at all, but goes to the
// ConnectFailures.
//
// Destroying can hang on a circuit that does not read (epics-base 936): see ca_monitors.h.
#pragma once

#include <memory>

#include "common/result.h"
#include "worker/ca/connect_failures.h"

namespace e2k::worker::ca {

class LibcaLog;

class Context {
public:
  // `failures` outlives it.
  static Result<std::unique_ptr<Context>> create(ConnectFailures& failures);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

private:
  explicit Context(ConnectFailures& failures);
  std::unique_ptr<LibcaLog> log_;
};

}  // namespace e2k::worker::ca
