// Pure. Values and keys as Confluent's ProtobufConverter writes them: a zero byte, the schema's id, the index
// of the message in its file (always the first: one zero), the message in Protobuf's binary encoding
// (proto3).
//
// Fields are numbered in the order of the schema's table, from 1. What is null, 0 or "" is left out, as
// proto3 has it; arrays of numbers are packed; int8 and int16 travel as int32, a negative one in ten bytes.
#pragma once

#include <string>

#include "worker/encode/encoder.h"
#include "worker/encode/record_plan.h"

namespace e2k::worker {

class ProtobufValueEncoder final : public ValueEncoder {
public:
  explicit ProtobufValueEncoder(const Schema& schema);
  bool encode(const EventView& event, Buffer& out) override;
  const SchemaDocument* schema() const override { return &document_; }
  bool takes_errors() const override { return plans_.takes_errors(); }

private:
  RecordPlans plans_;
  SchemaDocument document_;
  std::string scratch_;
};

// A message with one field, `string value = 1`: the bytes of google.protobuf.StringValue.
class ProtobufKeyEncoder final : public KeyEncoder {
public:
  ProtobufKeyEncoder();
  bool encode(std::string_view key, int32_t schema_id, Buffer& out) override;
  const SchemaDocument* schema() const override { return &document_; }

private:
  SchemaDocument document_;
  std::string scratch_;
};

// The schema as a .proto file.
std::string protobuf_schema_text(const Schema& schema);

}  // namespace e2k::worker
