// Converters whose records a test can read: numbers and keys as text, with the schema's id behind "#" where
// there is one.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "worker/encode/encoder.h"

namespace e2k::worker {

// A negative number can't be expressed.
class NumberEncoder : public ValueEncoder {
public:
  bool encode(const EventView& event, Buffer& out) override {
    if (event.is_error) {
      out.append(event.error);
      return true;
    }
    double v;
    std::memcpy(&v, event.value.data(), sizeof v);
    if (v < 0) return false;
    out.append(std::to_string(static_cast<long>(v)));
    if (event.schema_id != 0) out.append("#" + std::to_string(event.schema_id));
    return true;
  }
};
class RawKey : public KeyEncoder {
public:
  bool encode(std::string_view key, int32_t schema_id, Buffer& out) override {
    out.append(key);
    if (schema_id != 0) out.append("#" + std::to_string(schema_id));
    return true;
  }
};

}  // namespace e2k::worker
