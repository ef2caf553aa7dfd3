// Pure. Values and keys as MessagePack: a map of the fields that are not null, by name, in the order of the
// schema's table; a key is a str. Numbers take their shortest form, floats stay floats of their width.
#pragma once

#include <string>

#include "worker/encode/encoder.h"
#include "worker/encode/record_plan.h"

namespace e2k::worker {

class MsgpackValueEncoder final : public ValueEncoder {
public:
  explicit MsgpackValueEncoder(const Schema& schema);
  bool encode(const EventView& event, Buffer& out) override;
  bool takes_errors() const override { return plans_.takes_errors(); }

private:
  RecordPlans plans_;
  std::string scratch_;
};

class MsgpackKeyEncoder final : public KeyEncoder {
public:
  bool encode(std::string_view key, int32_t schema_id, Buffer& out) override;

private:
  std::string scratch_;
};

}  // namespace e2k::worker
