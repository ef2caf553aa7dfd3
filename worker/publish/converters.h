// Shell. What makes records of events: the encoders of value and key, and where the ids of their schemas come
// from.
//
// Owned by the publisher and used on its thread. The doorbell that the ids ring lives longer.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "proto/launch.h"
#include "worker/encode/encoder.h"
#include "worker/schema_ids.h"
#include "worker/spool/doorbell.h"

namespace e2k::worker {

struct Converters {
  std::unique_ptr<ValueEncoder> value;
  std::unique_ptr<KeyEncoder> key;
  std::unique_ptr<SchemaIds> value_ids;  // where the value's encoder has a schema
  std::unique_ptr<SchemaIds> key_ids;    // likewise

  uint64_t news() const { return (value_ids ? value_ids->news() : 0) + (key_ids ? key_ids->news() : 0); }
  // "" when nothing is amiss.
  std::string problem() const {
    std::string text = value_ids ? value_ids->problem() : "";
    const std::string of_key = key_ids ? key_ids->problem() : "";
    if (text == of_key || of_key.empty()) return text;
    return text.empty() ? of_key : text + "; " + of_key;
  }
};

// From what the worker was told; the error names the setting and the remedy.
Result<Converters> make_converters(const LaunchContract& contract, const Doorbell& bell);

}  // namespace e2k::worker
