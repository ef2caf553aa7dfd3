// Pure. How a binary format lays out the records of a schema: for each native type, and for error records,
// the fields that have a value, each with the bytes that go before it, and the bytes behind the last.
//
// Laid down once from the schema's table (schema.h); encoding an event is then a walk over a few steps.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/encode/encoder.h"
#include "worker/encode/schema.h"

namespace e2k::worker {

struct RecordStep {
  static constexpr size_t kMostBytes = 32;  // copied whole: a copy of a known size is a few instructions
  std::array<char, kMostBytes> before{};
  uint8_t before_bytes = 0;
  FieldSource source = FieldSource::values;
};

struct RecordPlan {
  std::vector<RecordStep> steps;
  std::string behind;
  FieldType values_type = FieldType::float64;
};

// What a format says of a schema's fields. `number`: of the field in the table, from 1. `place`: among those
// that have a value in this record, from 0; nothing where the field has none.
class RecordLayout {
public:
  virtual ~RecordLayout() = default;
  virtual std::string begin(const Schema& schema, size_t present_fields) const = 0;
  virtual std::string before(const Field& field, size_t number, std::optional<size_t> place) const = 0;
};

class RecordPlans {
public:
  RecordPlans(const Schema& schema, const RecordLayout& layout);
  // nullptr: the schema has no place for it, or the value is shorter than its count says.
  const RecordPlan* of(const EventView& event) const;
  bool takes_errors() const { return error_.has_value(); }

private:
  std::array<std::optional<RecordPlan>, 7> events_;  // by DbrType
  std::optional<RecordPlan> error_;
};

}  // namespace e2k::worker
