#include "worker/encode/json_value_encoder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "common/clock.h"
#include "worker/encode/java_number.h"
#include "worker/encode/json_schema_text.h"
#include "worker/encode/json_string.h"
#include "worker/encode/wire.h"

namespace e2k::worker {
namespace {

// Elements written between two looks at the buffer's room.
constexpr size_t kElementsAtOnce = 512;
constexpr size_t kIntegerBytes = 20;  // "-9223372036854775808"

char* write_integer(char* out, int64_t value) {
  return std::to_chars(out, out + kIntegerBytes, value).ptr;
}

// Numbers that are none have no JSON form of their own: Connect writes Java's name for them as a string.
template <class Float>
char* write_float(char* out, Float value) {
  const bool quoted = !std::isfinite(value);
  if (quoted) *out++ = '"';
  if constexpr (sizeof(Float) == sizeof(double))
    out = write_java_double(out, value);
  else
    out = write_java_float(out, value);
  if (quoted) *out++ = '"';
  return out;
}

// Appends [a,b,…] of `count` elements of type Native, each by `write(out, element)`, which writes at most
// kJavaNumberBytes + 2.
template <class Native, class Write>
void append_numbers(const EventView& event, Buffer& buffer, Write write) {
  const std::byte* in = event.value.data();
  buffer.append("[");
  for (size_t left = event.count; left > 0;) {
    const size_t now = std::min(left, kElementsAtOnce);
    left -= now;
    char* out = buffer.reserve(now * (kJavaNumberBytes + 3));
    for (size_t i = 0; i < now; ++i, in += sizeof(Native)) {
      Native element;
      std::memcpy(&element, in, sizeof element);
      out = write(out, element);
      *out++ = ',';
    }
    buffer.commit_to(left == 0 ? out - 1 : out);
  }
  buffer.append("]");
}

template <class Native>
void append_integers(const EventView& event, Buffer& out) {
  append_numbers<Native>(event, out, [](char* at, Native element) { return write_integer(at, element); });
}

void append_strings(const EventView& event, Buffer& out) {
  const std::byte* in = event.value.data();
  out.append("[");
  for (size_t i = 0; i < event.count; ++i, in += kDbrStringBytes) {
    if (i > 0) out.append(",");
    append_json_string(wire::string_element(in), out);
  }
  out.append("]");
}

bool append_values(const EventView& event, FieldType type, Buffer& out) {
  switch (event.type) {
    case DbrType::string:
      append_strings(event, out);
      return true;
    case DbrType::int16:
    case DbrType::enum16:  // the index, in a schema without unsigned types
      append_integers<int16_t>(event, out);
      return true;
    case DbrType::char8:
      append_integers<int8_t>(event, out);
      return true;
    case DbrType::int32:
      append_integers<int32_t>(event, out);
      return true;
    case DbrType::float32:
      if (type == FieldType::float64)
        append_numbers<float>(event, out, [](char* at, float x) { return write_float<double>(at, x); });
      else
        append_numbers<float>(event, out, [](char* at, float x) { return write_float<float>(at, x); });
      return true;
    case DbrType::float64:
      append_numbers<double>(event, out, [](char* at, double x) { return write_float<double>(at, x); });
      return true;
  }
  return false;
}

void append_integer(int64_t value, Buffer& out) {
  out.commit_to(write_integer(out.reserve(kIntegerBytes), value));
}

bool append_field(const EventView& event, const Field& field, Buffer& out) {
  switch (field.source) {
    case FieldSource::error:
      append_json_string(event.error, out);
      return true;
    case FieldSource::status:
      append_integer(static_cast<int8_t>(event.status), out);
      return true;
    case FieldSource::severity:
      append_integer(static_cast<int8_t>(event.severity), out);
      return true;
    case FieldSource::stamp_unix_s:
      append_integer(event.stamp_unix_ns / kNsPerSecond, out);
      return true;
    case FieldSource::values:
      return append_values(event, field.type, out);
  }
  return false;
}

}  // namespace

template <class Filled>
JsonValueEncoder::Shape JsonValueEncoder::make_shape(const Schema& schema, bool with_envelope,
                                                     Filled filled) const {
  Shape shape;
  std::string text = with_envelope ? "{\"schema\":" + connect_json_schema(schema) + ",\"payload\":{" : "{";
  for (const Field& field : schema.fields) {
    if (&field != schema.fields.data()) text += ',';
    text += '"' + std::string(field.name) + "\":";
    if (filled(field)) {
      shape.push_back({std::move(text), &field});
      text.clear();
    } else {
      text += "null";
    }
  }
  shape.push_back({text + (with_envelope ? "}}" : "}"), nullptr});
  return shape;
}

JsonValueEncoder::JsonValueEncoder(const Schema& schema, JsonForm form) {
  const bool with_envelope = form == JsonForm::envelope;
  if (form == JsonForm::registry)
    document_ = SchemaDocument{"JSON", json_schema_text(schema), std::string(schema.name)};
  for (size_t number = 0; number < event_shapes_.size(); ++number) {
    const auto type = static_cast<DbrType>(number);
    if (value_field(schema, type) == nullptr) continue;
    event_shapes_[number] = make_shape(schema, with_envelope, [&](const Field& field) {
      return field.source == FieldSource::values ? contains(field.takes, type)
                                                 : field.source != FieldSource::error;
    });
  }
  if (has_error_field(schema))
    error_shape_ = make_shape(schema, with_envelope,
                              [](const Field& field) { return field.source == FieldSource::error; });
}

bool JsonValueEncoder::encode(const EventView& event, Buffer& out) {
  const Shape* shape = &error_shape_;
  if (!event.is_error) {
    const size_t one = element_bytes(event.type);
    if (one == 0 || event.value.size() / one < event.count) return false;
    shape = &event_shapes_[static_cast<size_t>(event.type)];
  }
  if (shape->empty()) return false;
  const size_t begin = out.size();
  if (document_) out.commit_to(wire::put_header(out.reserve(wire::kHeaderBytes), event.schema_id));
  for (const Part& part : *shape) {
    out.append(part.text);
    if (part.field != nullptr && !append_field(event, *part.field, out)) {
      out.truncate(begin);
      return false;
    }
  }
  return true;
}

}  // namespace e2k::worker
