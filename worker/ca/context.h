// Shell. The libca context of the *ca* thread, with preemptive callbacks.
//
// Made and destroyed by that thread, which is the only one that makes requests. Whatever libca would print
// goes to our log, by the exception handler, the printf handler and libCom's errlog, whose console is
// switched off; the first kMaxLines of kLinePeriod pass, the rest is counted. A name that several servers
// answer for is logged once; which one serves it is libca's choice.
//
// Destroying can hang on a circuit that does not read (epics-base 936): see ca_monitors.h.
#pragma once

#include <memory>

#include "common/result.h"

namespace e2k::worker::ca {

class LibcaLog;

class Context {
public:
  static Result<std::unique_ptr<Context>> create();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

private:
  Context();
  std::unique_ptr<LibcaLog> log_;
};

}  // namespace e2k::worker::ca
