// Pure. What a value record consists of, as data: the fields in their order, their types, and from what part
// of an event each is filled. Encoders are written against these tables, so that another release's schema is
// another table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "worker/encode/encoder.h"

namespace e2k::worker {

enum class FieldType : uint8_t { int8, int16, int32, int64, float32, float64, string };

// What fills a field. `values` is the array of the elements of those native types that the field takes.
enum class FieldSource : uint8_t { error, status, severity, stamp_unix_s, values };

// The set of native types that an array field takes, one bit a type.
using DbrTypeSet = uint8_t;
constexpr DbrTypeSet set_of(DbrType type) {
  return static_cast<DbrTypeSet>(1u << static_cast<unsigned>(type));
}
constexpr bool contains(DbrTypeSet set, DbrType type) {
  return (set & set_of(type)) != 0;
}

// Arrays are exactly the fields filled from `values`; their elements are always optional.
struct Field {
  std::string_view name;
  FieldType type;
  bool optional;
  FieldSource source;
  DbrTypeSet takes;  // of `values` only
  std::string_view doc;
};

struct Schema {
  std::string_view configured_name;  // as in value.schema
  std::string_view name;             // as in the record
  int version;
  std::string_view doc;
  std::span<const Field> fields;
};

const Schema& epics_ca_dbr_schema();
// An unknown name is an error that lists the known ones. The schema lives as long as the program.
Result<const Schema*> find_schema(std::string_view configured_name);

// The field that takes values of that native type; nullptr: there is none.
const Field* value_field(const Schema& schema, DbrType type);
bool has_error_field(const Schema& schema);

// The name that Connect's JSON form gives to the type.
std::string_view connect_json_name(FieldType type);
// The schema as JsonConverter writes it into the envelope.
std::string connect_json_schema(const Schema& schema);

}  // namespace e2k::worker
