// Pure. A value as Connect's StringConverter writes it: Java's text of the struct.
//
//   Struct{status=3,severity=2,doubleValues=[1.5, 2.0]}
//
// Fields that are null are left out; strings stand as they are, without quotes or escapes.
#pragma once

#include <string>

#include "worker/encode/encoder.h"
#include "worker/encode/record_plan.h"

namespace e2k::worker {

class StringValueEncoder final : public ValueEncoder {
public:
  explicit StringValueEncoder(const Schema& schema);
  bool encode(const EventView& event, Buffer& out) override;
  bool takes_errors() const override { return plans_.takes_errors(); }

private:
  RecordPlans plans_;
  std::string scratch_;
};

}  // namespace e2k::worker
