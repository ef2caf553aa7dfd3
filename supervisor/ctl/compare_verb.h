// Shell. `compare TOPIC`: a topic and its shadow (output.topic_prefix before its name) over a window of time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "supervisor/ctl/topic_verbs.h"

namespace e2k::supervisor::ctl {

struct CompareRequest {
  std::string topic;
  std::string prefix;  // "": the configuration's
  std::string since;   // ISO 8601 in UTC, or Unix seconds; "": `seconds` before the end
  double seconds = 60;
  double lag_s = 5;  // so long ago both sides have published what they will
  bool connector = false;
  size_t differences = 20, max_records = 1'000'000;
};

// Exit::ok: the same; Exit::failed: not, or nothing to compare.
Exit compare(const TopicUse& use, const CompareRequest& request);

// Unix milliseconds; nothing: neither of the two forms.
std::optional<int64_t> parse_time_ms(const std::string& text);

}  // namespace e2k::supervisor::ctl
