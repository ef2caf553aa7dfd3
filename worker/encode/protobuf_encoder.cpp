#include "worker/encode/protobuf_encoder.h"

#include "common/clock.h"
#include "worker/encode/wire.h"

namespace e2k::worker {
namespace {

constexpr char kVarint = 0, kLengthDelimited = 2;  // wire types
constexpr char kFirstMessage = 0;
constexpr size_t kScalarBytes = wire::kHeaderBytes + 1 + 4 * wire::kVarintBytes + 4 * RecordStep::kMostBytes;

// The tag goes before a field only if the field is written: every step's bytes are one tag.
class Layout final : public RecordLayout {
public:
  std::string begin(const Schema&, size_t) const override { return {}; }
  std::string before(const Field& field, size_t number, std::optional<size_t> place) const override {
    if (!place) return {};
    const bool delimited = field.source == FieldSource::error || field.source == FieldSource::values;
    return std::string(1, static_cast<char>(number << 3 | (delimited ? kLengthDelimited : kVarint)));
  }
};

char* put_scalar(char* out, char tag, int64_t value) {
  if (value == 0) return out;
  *out++ = tag;
  return wire::put_varint(out, static_cast<uint64_t>(value));
}

char* put_string(char* out, char tag, std::string_view text, std::string& scratch) {
  const std::string_view utf8 = wire::as_utf8(text, scratch);
  *out++ = tag;
  return wire::put_text(wire::put_varint(out, utf8.size()), utf8);
}

template <class Native>
char* put_integers(char* out, const EventView& event) {
  const std::byte* const begin = event.value.data();
  const std::byte* const end = begin + size_t{event.count} * sizeof(Native);
  const auto element_at = [](const std::byte* in) {
    Native element;
    std::memcpy(&element, in, sizeof element);
    return static_cast<uint64_t>(int64_t{element});
  };
  size_t bytes = 0;
  for (const std::byte* in = begin; in != end; in += sizeof(Native))
    bytes += wire::varint_bytes(element_at(in));
  out = wire::put_varint(out, bytes);
  for (const std::byte* in = begin; in != end; in += sizeof(Native))
    out = wire::put_varint(out, element_at(in));
  return out;
}

// Numbers that lie in memory as they travel.
char* put_block(char* out, const EventView& event, size_t element) {
  const size_t bytes = event.count * element;
  out = wire::put_varint(out, bytes);
  std::memcpy(out, event.value.data(), bytes);
  return out + bytes;
}

char* put_widened(char* out, const EventView& event) {
  out = wire::put_varint(out, event.count * sizeof(double));
  const std::byte* in = event.value.data();
  for (uint32_t i = 0; i < event.count; ++i, in += sizeof(float)) {
    float element;
    std::memcpy(&element, in, sizeof element);
    out = wire::put(out, double{element});
  }
  return out;
}

char* put_strings(char* out, char tag, const EventView& event, std::string& scratch) {
  const std::byte* in = event.value.data();
  for (uint32_t i = 0; i < event.count; ++i, in += kDbrStringBytes)
    out = put_string(out, tag, wire::string_element(in), scratch);
  return out;
}

char* put_values(char* out, char tag, const EventView& event, FieldType type, std::string& scratch) {
  if (event.count == 0) return out;
  if (event.type == DbrType::string) return put_strings(out, tag, event, scratch);
  *out++ = tag;
  switch (event.type) {
    case DbrType::string:
      break;
    case DbrType::int16:
    case DbrType::enum16:
      return put_integers<int16_t>(out, event);
    case DbrType::char8:
      return put_integers<int8_t>(out, event);
    case DbrType::int32:
      return put_integers<int32_t>(out, event);
    case DbrType::float32:
      return type == FieldType::float64 ? put_widened(out, event) : put_block(out, event, sizeof(float));
    case DbrType::float64:
      return put_block(out, event, sizeof(double));
  }
  return out;
}

size_t most_bytes(const EventView& event) {
  if (event.is_error) return kScalarBytes + wire::utf8_bytes_at_most(event.error.size());
  const size_t one = event.type == DbrType::string
                         ? 1 + wire::kVarintBytes + wire::utf8_bytes_at_most(kDbrStringBytes)
                         : wire::kVarintBytes;
  return kScalarBytes + one * event.count;
}

char* put_head(char* out, int32_t schema_id) {
  out = wire::put_header(out, schema_id);
  *out++ = kFirstMessage;
  return out;
}

}  // namespace

ProtobufValueEncoder::ProtobufValueEncoder(const Schema& schema)
    : plans_(schema, Layout()),
      document_{"PROTOBUF", protobuf_schema_text(schema), std::string(schema.name)} {}

bool ProtobufValueEncoder::encode(const EventView& event, Buffer& buffer) {
  const RecordPlan* plan = plans_.of(event);
  if (plan == nullptr) return false;
  char* out = put_head(buffer.reserve(most_bytes(event)), event.schema_id);
  for (const RecordStep& step : plan->steps) {
    const char tag = step.before[0];
    switch (step.source) {
      case FieldSource::error:
        if (!event.error.empty()) out = put_string(out, tag, event.error, scratch_);
        break;
      case FieldSource::status:
        out = put_scalar(out, tag, static_cast<int8_t>(event.status));
        break;
      case FieldSource::severity:
        out = put_scalar(out, tag, static_cast<int8_t>(event.severity));
        break;
      case FieldSource::stamp_unix_s:
        out = put_scalar(out, tag, event.stamp_unix_ns / kNsPerSecond);
        break;
      case FieldSource::values:
        out = put_values(out, tag, event, plan->values_type, scratch_);
        break;
    }
  }
  buffer.commit_to(out);
  return true;
}

ProtobufKeyEncoder::ProtobufKeyEncoder()
    : document_{"PROTOBUF", "syntax = \"proto3\";\n\nmessage Key {\n  string value = 1;\n}\n", ""} {}

bool ProtobufKeyEncoder::encode(std::string_view key, int32_t schema_id, Buffer& buffer) {
  constexpr char kValueTag = 1 << 3 | kLengthDelimited;
  char* out =
      buffer.reserve(wire::kHeaderBytes + 2 + wire::kVarintBytes + wire::utf8_bytes_at_most(key.size()));
  out = put_head(out, schema_id);
  if (!key.empty()) out = put_string(out, kValueTag, key, scratch_);
  buffer.commit_to(out);
  return true;
}

}  // namespace e2k::worker
