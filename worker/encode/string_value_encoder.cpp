#include "worker/encode/string_value_encoder.h"

#include <charconv>

#include "common/clock.h"
#include "worker/encode/java_number.h"
#include "worker/encode/wire.h"

namespace e2k::worker {
namespace {

constexpr std::string_view kBetween = ", ";
constexpr size_t kIntegerBytes = 20;
constexpr size_t kNumberBytes = kJavaNumberBytes + kBetween.size();
constexpr size_t kScalarBytes = 4 * kIntegerBytes + 4 * RecordStep::kMostBytes;

class Layout final : public RecordLayout {
public:
  std::string begin(const Schema&, size_t) const override { return "Struct{"; }
  std::string before(const Field& field, size_t, std::optional<size_t> place) const override {
    if (!place) return {};
    return (*place == 0 ? "" : ",") + std::string(field.name) + "=";
  }
};

char* put_integer(char* out, int64_t value) {
  return std::to_chars(out, out + kIntegerBytes, value).ptr;
}

char* put_utf8(char* out, std::string_view text, std::string& scratch) {
  return wire::put_text(out, wire::as_utf8(text, scratch));
}

template <class Native, class Put>
char* put_numbers(char* out, const EventView& event, Put put) {
  const std::byte* in = event.value.data();
  for (uint32_t i = 0; i < event.count; ++i, in += sizeof(Native)) {
    Native element;
    std::memcpy(&element, in, sizeof element);
    if (i != 0) out = wire::put_text(out, kBetween);
    out = put(out, element);
  }
  return out;
}

char* put_strings(char* out, const EventView& event, std::string& scratch) {
  const std::byte* in = event.value.data();
  for (uint32_t i = 0; i < event.count; ++i, in += kDbrStringBytes) {
    if (i != 0) out = wire::put_text(out, kBetween);
    out = put_utf8(out, wire::string_element(in), scratch);
  }
  return out;
}

char* put_elements(char* out, const EventView& event, FieldType type, std::string& scratch) {
  switch (event.type) {
    case DbrType::string:
      return put_strings(out, event, scratch);
    case DbrType::int16:
    case DbrType::enum16:
      return put_numbers<int16_t>(out, event, put_integer);
    case DbrType::char8:
      return put_numbers<int8_t>(out, event, put_integer);
    case DbrType::int32:
      return put_numbers<int32_t>(out, event, put_integer);
    case DbrType::float32:
      return type == FieldType::float64 ? put_numbers<float>(out, event, write_java_double)
                                        : put_numbers<float>(out, event, write_java_float);
    case DbrType::float64:
      return put_numbers<double>(out, event, write_java_double);
  }
  return out;
}

size_t most_bytes(const EventView& event) {
  if (event.is_error) return kScalarBytes + wire::utf8_bytes_at_most(event.error.size());
  const size_t one = event.type == DbrType::string
                         ? kBetween.size() + wire::utf8_bytes_at_most(kDbrStringBytes)
                         : kNumberBytes;
  return kScalarBytes + one * event.count;
}

}  // namespace

StringValueEncoder::StringValueEncoder(const Schema& schema) : plans_(schema, Layout()) {}

bool StringValueEncoder::encode(const EventView& event, Buffer& buffer) {
  const RecordPlan* plan = plans_.of(event);
  if (plan == nullptr) return false;
  char* out = buffer.reserve(most_bytes(event));
  for (const RecordStep& step : plan->steps) {
    std::memcpy(out, step.before.data(), RecordStep::kMostBytes);
    out += step.before_bytes;
    switch (step.source) {
      case FieldSource::error:
        out = put_utf8(out, event.error, scratch_);
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
        *out++ = '[';
        out = put_elements(out, event, plan->values_type, scratch_);
        *out++ = ']';
        break;
    }
  }
  *out++ = '}';
  buffer.commit_to(out);
  return true;
}

}  // namespace e2k::worker
