#include "worker/encode/avro_encoder.h"

#include "common/clock.h"
#include "worker/encode/wire.h"

namespace e2k::worker {
namespace {

constexpr char kNullBranch = 0, kValueBranch = 2;  // zigzag of 0 and 1
constexpr size_t kScalarBytes = wire::kHeaderBytes + 4 * wire::kVarintBytes + 4 * RecordStep::kMostBytes;

class Layout final : public RecordLayout {
public:
  std::string begin(const Schema&, size_t) const override { return {}; }
  std::string before(const Field& field, size_t, std::optional<size_t> place) const override {
    if (!field.optional) return {};
    return std::string(1, place ? kValueBranch : kNullBranch);
  }
};

template <class Native>
char* put_integers(char* out, const EventView& event) {
  const std::byte* in = event.value.data();
  for (uint32_t i = 0; i < event.count; ++i, in += sizeof(Native)) {
    Native element;
    std::memcpy(&element, in, sizeof element);
    *out++ = kValueBranch;
    out = wire::put_zigzag(out, element);
  }
  return out;
}

template <class Native, class Written>
char* put_floats(char* out, const EventView& event) {
  const std::byte* in = event.value.data();
  for (uint32_t i = 0; i < event.count; ++i, in += sizeof(Native)) {
    Native element;
    std::memcpy(&element, in, sizeof element);
    *out++ = kValueBranch;
    out = wire::put(out, static_cast<Written>(element));
  }
  return out;
}

char* put_string(char* out, std::string_view text, std::string& scratch) {
  const std::string_view utf8 = wire::as_utf8(text, scratch);
  return wire::put_text(wire::put_zigzag(out, static_cast<int64_t>(utf8.size())), utf8);
}

char* put_strings(char* out, const EventView& event, std::string& scratch) {
  const std::byte* in = event.value.data();
  for (uint32_t i = 0; i < event.count; ++i, in += kDbrStringBytes) {
    *out++ = kValueBranch;
    out = put_string(out, wire::string_element(in), scratch);
  }
  return out;
}

char* put_elements(char* out, const EventView& event, FieldType type, std::string& scratch) {
  switch (event.type) {
    case DbrType::string:
      return put_strings(out, event, scratch);
    case DbrType::int16:
    case DbrType::enum16:
      return put_integers<int16_t>(out, event);
    case DbrType::char8:
      return put_integers<int8_t>(out, event);
    case DbrType::int32:
      return put_integers<int32_t>(out, event);
    case DbrType::float32:
      return type == FieldType::float64 ? put_floats<float, double>(out, event)
                                        : put_floats<float, float>(out, event);
    case DbrType::float64:
      return put_floats<double, double>(out, event);
  }
  return out;
}

char* put_array(char* out, const EventView& event, FieldType type, std::string& scratch) {
  if (event.count != 0) {
    out = wire::put_zigzag(out, event.count);
    out = put_elements(out, event, type, scratch);
  }
  *out++ = 0;  // the end of the blocks
  return out;
}

size_t most_bytes(const EventView& event) {
  if (event.is_error) return kScalarBytes + wire::utf8_bytes_at_most(event.error.size());
  constexpr size_t kElementBytes = 1 + wire::kVarintBytes;
  const size_t one = event.type == DbrType::string ? kElementBytes + wire::utf8_bytes_at_most(kDbrStringBytes)
                                                   : kElementBytes;
  return kScalarBytes + one * event.count;
}

}  // namespace

AvroValueEncoder::AvroValueEncoder(const Schema& schema, bool meta_data)
    : plans_(schema, Layout()),
      document_{"AVRO", avro_schema_text(schema, meta_data), std::string(schema.name)} {}

bool AvroValueEncoder::encode(const EventView& event, Buffer& buffer) {
  const RecordPlan* plan = plans_.of(event);
  if (plan == nullptr) return false;
  char* out = wire::put_header(buffer.reserve(most_bytes(event)), event.schema_id);
  for (const RecordStep& step : plan->steps) {
    std::memcpy(out, step.before.data(), RecordStep::kMostBytes);
    out += step.before_bytes;
    switch (step.source) {
      case FieldSource::error:
        out = put_string(out, event.error, scratch_);
        break;
      case FieldSource::status:
        out = wire::put_zigzag(out, static_cast<int8_t>(event.status));
        break;
      case FieldSource::severity:
        out = wire::put_zigzag(out, static_cast<int8_t>(event.severity));
        break;
      case FieldSource::stamp_unix_s:
        out = wire::put_zigzag(out, event.stamp_unix_ns / kNsPerSecond);
        break;
      case FieldSource::values:
        out = put_array(out, event, plan->values_type, scratch_);
        break;
    }
  }
  buffer.commit_to(wire::put_text(out, plan->behind));
  return true;
}

AvroKeyEncoder::AvroKeyEncoder() : document_{"AVRO", "\"string\"", ""} {}

bool AvroKeyEncoder::encode(std::string_view key, int32_t schema_id, Buffer& buffer) {
  char* out = buffer.reserve(wire::kHeaderBytes + wire::kVarintBytes + wire::utf8_bytes_at_most(key.size()));
  buffer.commit_to(put_string(wire::put_header(out, schema_id), key, scratch_));
  return true;
}

}  // namespace e2k::worker
