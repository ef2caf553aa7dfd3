// Shell. A converter that a site wrote, as a ValueEncoder like the built-in ones.
//
// The plug-in's functions run in this process, on the thread that calls; epics2kafka/converter.h says what
// they may do. What can be judged is judged when it is loaded, as an error with a remedy. What goes wrong
// later is told apart: an event that the plug-in can't express is `false`, as of any encoder; a plug-in that
// lets an exception out of encode() or commits more than it reserved ends the process with a line in the log,
// because its own state or our memory is spoilt by then, and a worker that dies costs only its share.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "worker/encode/encoder.h"

namespace e2k::worker {

// `path` is absolute. All options are handed to the plug-in, those of the schema registry too. The library
// stays loaded (plugin_library.h). Errors begin with "value.converter: the plug-in …".
Result<std::unique_ptr<ValueEncoder>> load_plugin_encoder(const std::string& path,
                                                          const ConverterOptions& options);

}  // namespace e2k::worker
