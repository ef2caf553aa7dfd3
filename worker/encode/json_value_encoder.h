// Pure. A value as Connect's JsonConverter writes it, with the schema in an envelope or without; and as
// Confluent's JsonSchemaConverter does, which puts the id of the schema before the same text.
//
// What does not change between events of one native type is laid down once as text; encode() copies it and
// fills the slots in between.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "worker/encode/encoder.h"
#include "worker/encode/schema.h"

namespace e2k::worker {

enum class JsonForm { plain, envelope, registry };

class JsonValueEncoder final : public ValueEncoder {
public:
  // `schema` must outlive the encoder.
  JsonValueEncoder(const Schema& schema, JsonForm form);
  // false: the schema has no field for the event's type or for errors, or the value is shorter than its count
  // says.
  bool encode(const EventView& event, Buffer& out) override;
  const SchemaDocument* schema() const override { return document_ ? &*document_ : nullptr; }
  bool takes_errors() const override { return !error_shape_.empty(); }

private:
  // Text, and the field that follows it; none behind the last.
  struct Part {
    std::string text;
    const Field* field;
  };
  using Shape = std::vector<Part>;  // empty: cannot be expressed

  // The shape of a record in which the fields of `filled` have values and the others are null.
  template <class Filled>
  Shape make_shape(const Schema& schema, bool with_envelope, Filled filled) const;

  std::array<Shape, 7> event_shapes_;  // by DbrType
  Shape error_shape_;
  std::optional<SchemaDocument> document_;  // JsonForm::registry
};

}  // namespace e2k::worker
