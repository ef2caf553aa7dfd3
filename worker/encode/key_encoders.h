// Pure. An entry's key as Connect's converters write it: StringConverter, and JsonConverter with the schema
// in an envelope or without. Keys come from valid commands; should one not be UTF-8, it is taken for Latin-1.
#pragma once

#include "worker/encode/encoder.h"

namespace e2k::worker {

class StringKeyEncoder final : public KeyEncoder {
public:
  bool encode(std::string_view key, Buffer& out) override;
};

class JsonKeyEncoder final : public KeyEncoder {
public:
  explicit JsonKeyEncoder(bool with_envelope) : with_envelope_(with_envelope) {}
  bool encode(std::string_view key, Buffer& out) override;

private:
  bool with_envelope_;
};

}  // namespace e2k::worker
