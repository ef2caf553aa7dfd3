// Pure. Whether the values that a message of Channel Access announces stand in its payload.
//
// A server's message says how many elements it holds and how many bytes it has; nothing makes the two agree.
// `type` is a DBR_* number, as on the wire, where DBR structures are laid out as in memory.
#pragma once

#include <db_access.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace e2k::worker::ca {

// A lone string may be cut behind its end: servers save the rest. Types that are none, and those without
// elements of a known size, are for libca to refuse.
inline bool fits_payload(uint32_t type, uint64_t count, const char* payload, uint64_t payload_bytes) {
  if (type > static_cast<uint32_t>(LAST_BUFFER_TYPE)) return true;
  const uint64_t element = dbr_value_size[type];
  const uint64_t alone = dbr_size[type];  // with one element
  if (count == 0) return payload_bytes + element >= alone;
  const uint64_t head = dbr_value_offset[type];
  if (count == 1 && element == MAX_STRING_SIZE && payload_bytes < alone)
    return payload_bytes > head && std::memchr(payload + head, 0, payload_bytes - head) != nullptr;
  return head + count * element <= payload_bytes;
}

}  // namespace e2k::worker::ca
