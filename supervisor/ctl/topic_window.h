// Shell. The records of a topic whose time stamps lie in a window, read from the brokers.
//
// No group is joined. The end is the topic's when the reading begins: nothing is waited for. Blocking;
// Exit::timed_out where the brokers are silent for `timeout`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/ctl/comparison.h"
#include "supervisor/ctl/topic_settings.h"

namespace e2k::supervisor::ctl {

struct Window {
  int64_t from_ms = 0, to_ms = 0;  // true stamps; `to` itself is outside
  int64_t now_ms = 0;
};

struct WindowRead {
  std::vector<WindowRecord> records;
  bool early_stamps = false;  // most of the newest stamps are the Java connector's (comparison.h)
};

// Of `settings` the brokers and the consumer's properties count. More than `most` records is a failure.
Outcome<WindowRead> read_window(const TopicSettings& settings, const std::string& topic, const Window& window,
                                std::chrono::milliseconds timeout, size_t most);

}  // namespace e2k::supervisor::ctl
