// Pure. An entry's key as Connect's text converters write it: StringConverter; JsonConverter with the schema
// in an envelope or without; JsonSchemaConverter. Keys come from valid commands; should one not be UTF-8, it
// is taken for Latin-1. The binary formats' keys stand beside their values.
#pragma once

#include <optional>

#include "worker/encode/encoder.h"
#include "worker/encode/json_value_encoder.h"

namespace e2k::worker {

class StringKeyEncoder final : public KeyEncoder {
public:
  bool encode(std::string_view key, int32_t schema_id, Buffer& out) override;
};

class JsonKeyEncoder final : public KeyEncoder {
public:
  explicit JsonKeyEncoder(JsonForm form);
  bool encode(std::string_view key, int32_t schema_id, Buffer& out) override;
  const SchemaDocument* schema() const override { return document_ ? &*document_ : nullptr; }

private:
  const JsonForm form_;
  std::optional<SchemaDocument> document_;  // JsonForm::registry
};

}  // namespace e2k::worker
