// Pure. Where in the command topic a record stands, and when it was written.
#pragma once

#include <cstdint>

namespace e2k::supervisor {

struct RecordPlace {
  int32_t partition;
  int64_t offset;
  int64_t timestamp_ms;
};

}  // namespace e2k::supervisor
