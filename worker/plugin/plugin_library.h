// Shell. A plug-in's shared object: found, loaded, and its table of functions judged before any of them is
// called.
//
// The library is never unloaded. Its table, its strings and its functions may be pointed at from anywhere by
// then (handlers that run at exit, destructors of its threads' variables), and a worker, which has one
// converter for its whole life, would gain nothing. Called by one thread, at the start. Loading runs the
// library's constructors: they are code of the site, like the rest of it.
#pragma once

#include <epics2kafka/converter.h>

#include <string>
#include <string_view>

#include "common/result.h"

namespace e2k::worker {

struct PluginLibrary {
  const e2k_converter*
      table;          // of our ABI, with all functions that must be there; lives as long as the process
  std::string label;  // name, version and path, for messages
};

// Errors name the path and what helps: no such file, no shared object, of another machine, what the dynamic
// linker says, no entry point, another ABI, a table with holes.
Result<PluginLibrary> open_plugin_library(const std::string& path);

// A plug-in's own words as one line of valid UTF-8, from at most `bytes` of its text.
std::string plugin_words(const char* text, size_t bytes);

}  // namespace e2k::worker
