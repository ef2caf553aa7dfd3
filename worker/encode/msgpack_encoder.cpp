#include "worker/encode/msgpack_encoder.h"

#include "common/clock.h"
#include "worker/encode/wire.h"

namespace e2k::worker {
namespace {

constexpr unsigned char kFixMap = 0x80, kFixArray = 0x90, kFixStr = 0xa0;
constexpr unsigned char kFloat32 = 0xca, kFloat64 = 0xcb;
constexpr unsigned char kUint8 = 0xcc, kUint16 = 0xcd, kUint32 = 0xce, kUint64 = 0xcf;
constexpr unsigned char kInt8 = 0xd0, kInt16 = 0xd1, kInt32 = 0xd2, kInt64 = 0xd3;
constexpr unsigned char kStr8 = 0xd9, kStr16 = 0xda, kStr32 = 0xdb, kArray16 = 0xdc, kArray32 = 0xdd;
constexpr size_t kNumberBytes = 9, kHeadBytes = 5;
constexpr size_t kScalarBytes = 4 * kNumberBytes + 4 * RecordStep::kMostBytes;

char* put_byte(char* out, unsigned char byte) {
  *out++ = static_cast<char>(byte);
  return out;
}
template <class T>
char* put_typed(char* out, unsigned char type, T value) {
  return wire::put_big_endian(put_byte(out, type), value);
}

class Layout final : public RecordLayout {
public:
  std::string begin(const Schema&, size_t present_fields) const override {
    return std::string(1, static_cast<char>(kFixMap | present_fields));
  }
  std::string before(const Field& field, size_t, std::optional<size_t> place) const override {
    if (!place) return {};
    return std::string(1, static_cast<char>(kFixStr | field.name.size())) + std::string(field.name);
  }
};

char* put_integer(char* out, int64_t value) {
  if (value >= 0) {
    if (value < 0x80) return put_byte(out, static_cast<unsigned char>(value));
    if (value <= UINT8_MAX) return put_typed(out, kUint8, static_cast<uint8_t>(value));
    if (value <= UINT16_MAX) return put_typed(out, kUint16, static_cast<uint16_t>(value));
    if (value <= UINT32_MAX) return put_typed(out, kUint32, static_cast<uint32_t>(value));
    return put_typed(out, kUint64, static_cast<uint64_t>(value));
  }
  if (value >= -32) return put_byte(out, static_cast<unsigned char>(value));
  if (value >= INT8_MIN) return put_typed(out, kInt8, static_cast<int8_t>(value));
  if (value >= INT16_MIN) return put_typed(out, kInt16, static_cast<int16_t>(value));
  if (value >= INT32_MIN) return put_typed(out, kInt32, static_cast<int32_t>(value));
  return put_typed(out, kInt64, value);
}

char* put_string(char* out, std::string_view text, std::string& scratch) {
  const std::string_view utf8 = wire::as_utf8(text, scratch);
  const size_t bytes = utf8.size();
  if (bytes < 32)
    out = put_byte(out, static_cast<unsigned char>(kFixStr | bytes));
  else if (bytes <= UINT8_MAX)
    out = put_typed(out, kStr8, static_cast<uint8_t>(bytes));
  else if (bytes <= UINT16_MAX)
    out = put_typed(out, kStr16, static_cast<uint16_t>(bytes));
  else
    out = put_typed(out, kStr32, static_cast<uint32_t>(bytes));
  return wire::put_text(out, utf8);
}

template <class Native, class Put>
char* put_numbers(char* out, const EventView& event, Put put) {
  const std::byte* in = event.value.data();
  for (uint32_t i = 0; i < event.count; ++i, in += sizeof(Native)) {
    Native element;
    std::memcpy(&element, in, sizeof element);
    out = put(out, element);
  }
  return out;
}

char* put_float32(char* out, float value) {
  return put_typed(out, kFloat32, std::bit_cast<uint32_t>(value));
}
char* put_float64(char* out, double value) {
  return put_typed(out, kFloat64, std::bit_cast<uint64_t>(value));
}

char* put_elements(char* out, const EventView& event, FieldType type, std::string& scratch) {
  switch (event.type) {
    case DbrType::string: {
      const std::byte* in = event.value.data();
      for (uint32_t i = 0; i < event.count; ++i, in += kDbrStringBytes)
        out = put_string(out, wire::string_element(in), scratch);
      return out;
    }
    case DbrType::int16:
    case DbrType::enum16:
      return put_numbers<int16_t>(out, event, put_integer);
    case DbrType::char8:
      return put_numbers<int8_t>(out, event, put_integer);
    case DbrType::int32:
      return put_numbers<int32_t>(out, event, put_integer);
    case DbrType::float32:
      return type == FieldType::float64 ? put_numbers<float>(out, event, put_float64)
                                        : put_numbers<float>(out, event, put_float32);
    case DbrType::float64:
      return put_numbers<double>(out, event, put_float64);
  }
  return out;
}

char* put_array(char* out, const EventView& event, FieldType type, std::string& scratch) {
  if (event.count < 16)
    out = put_byte(out, static_cast<unsigned char>(kFixArray | event.count));
  else if (event.count <= UINT16_MAX)
    out = put_typed(out, kArray16, static_cast<uint16_t>(event.count));
  else
    out = put_typed(out, kArray32, event.count);
  return put_elements(out, event, type, scratch);
}

size_t most_bytes(const EventView& event) {
  if (event.is_error) return kScalarBytes + wire::utf8_bytes_at_most(event.error.size());
  const size_t one =
      event.type == DbrType::string ? kHeadBytes + wire::utf8_bytes_at_most(kDbrStringBytes) : kNumberBytes;
  return kScalarBytes + one * event.count;
}

}  // namespace

MsgpackValueEncoder::MsgpackValueEncoder(const Schema& schema) : plans_(schema, Layout()) {}

bool MsgpackValueEncoder::encode(const EventView& event, Buffer& buffer) {
  const RecordPlan* plan = plans_.of(event);
  if (plan == nullptr) return false;
  char* out = buffer.reserve(most_bytes(event));
  for (const RecordStep& step : plan->steps) {
    std::memcpy(out, step.before.data(), RecordStep::kMostBytes);
    out += step.before_bytes;
    switch (step.source) {
      case FieldSource::error:
        out = put_string(out, event.error, scratch_);
        break;
      case FieldSource::status:
        out = put_integer(out, static_cast<int8_t>(event.status));
        break;
      case FieldSource::severity:
        out = put_integer(out, static_cast<int8_t>(event.severity));
        break;
      case FieldSource::stamp_unix_s:
        out = put_integer(out, event.stamp_unix_ns / kNsPerSecond);
        break;
      case FieldSource::values:
        out = put_array(out, event, plan->values_type, scratch_);
        break;
    }
  }
  buffer.commit_to(out);
  return true;
}

bool MsgpackKeyEncoder::encode(std::string_view key, int32_t, Buffer& buffer) {
  char* out = buffer.reserve(kHeadBytes + wire::utf8_bytes_at_most(key.size()));
  buffer.commit_to(put_string(out, key, scratch_));
  return true;
}

}  // namespace e2k::worker
