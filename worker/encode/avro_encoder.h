// Pure. Values and keys as Confluent's AvroConverter writes them: a zero byte, the schema's id, the datum in
// Avro's binary encoding.
//
// Every optional field and every element of an array is a union with null as its first branch. An array is
// one block and the end mark.
#pragma once

#include <string>

#include "worker/encode/encoder.h"
#include "worker/encode/record_plan.h"

namespace e2k::worker {

class AvroValueEncoder final : public ValueEncoder {
public:
  // `meta_data`: connect.meta.data, whether the schema's text tells of Connect's types and docs.
  AvroValueEncoder(const Schema& schema, bool meta_data);
  bool encode(const EventView& event, Buffer& out) override;
  const SchemaDocument* schema() const override { return &document_; }
  bool takes_errors() const override { return plans_.takes_errors(); }

private:
  RecordPlans plans_;
  SchemaDocument document_;
  std::string scratch_;
};

class AvroKeyEncoder final : public KeyEncoder {
public:
  AvroKeyEncoder();
  bool encode(std::string_view key, int32_t schema_id, Buffer& out) override;
  const SchemaDocument* schema() const override { return &document_; }

private:
  SchemaDocument document_;
  std::string scratch_;
};

// The schema's text, members in the order in which Avro's library prints them.
std::string avro_schema_text(const Schema& schema, bool meta_data);

}  // namespace e2k::worker
