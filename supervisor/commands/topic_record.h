// Pure. A record of the command topic, as views into whoever holds it; and which log it is of.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace e2k::supervisor {

struct TopicRecord {
  int32_t partition;
  int64_t offset;
  int64_t timestamp_ms;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
};

// What tells a topic from one of the same name that is made anew, and one that lost its first records from
// one that did not.
struct TopicLog {
  std::string id;                     // "" where brokers give none
  std::map<int32_t, int64_t> begins;  // by partition, the first offset; missing where it was not told
};

}  // namespace e2k::supervisor
