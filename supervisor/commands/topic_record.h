// Pure. A record of the command topic, as views into whoever holds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace e2k::supervisor {

struct TopicRecord {
  int32_t partition;
  int64_t offset;
  int64_t timestamp_ms;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
};

}  // namespace e2k::supervisor
