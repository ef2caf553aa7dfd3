#include "worker/encode/schema.h"

#include <algorithm>
#include <array>

#include "worker/encode/json_string.h"

namespace e2k::worker {
namespace {

constexpr Field kEpicsCaDbrFields[] = {
    {"error", FieldType::string, true, FieldSource::error, 0, "CA error message, if any"},
    {"status", FieldType::int8, true, FieldSource::status, 0,
     "CA Alarm Status: 0=NO_ALARM,1=READ,2=WRITE,3=HIHI,4=HIGH,5=LOLO,6=LOW,7=STATE,8=COS,9=COMM,10=TIMEOUT,"
     "11=HW_LIMIT,12=CALC,13=SCAN,14=LINK,15=SOFT,16=BAD_SUB,17=UDF,18=DISABLE,19=SIMM,20=READ_ACCESS,"
     "21=WRITE_ACCESS"},
    {"severity", FieldType::int8, true, FieldSource::severity, 0,
     "CA Alarm Severity: 0=NO_ALARM,1=MINOR,2=MAJOR,3=INVALID"},
    {"doubleValues", FieldType::float64, true, FieldSource::values, set_of(DbrType::float64),
     "EPICS DBR_DOUBLE"},
    {"floatValues", FieldType::float32, true, FieldSource::values, set_of(DbrType::float32),
     "EPICS DBR_FLOAT"},
    {"stringValues", FieldType::string, true, FieldSource::values, set_of(DbrType::string),
     "EPICS DBR_STRING"},
    {"intValues", FieldType::int32, true, FieldSource::values, set_of(DbrType::int32),
     "EPICS DBR_LONG; JCA refers to INT32 as DBR_INT; EPICS has no INT64"},
    {"shortValues", FieldType::int16, true, FieldSource::values,
     static_cast<DbrTypeSet>(set_of(DbrType::int16) | set_of(DbrType::enum16)),
     "EPICS DBR_SHORT; DBR_INT is alias in EPICS (but not in JCA); Schema has no unsigned types so DBR_ENUM "
     "is "
     "also here"},
    {"byteValues", FieldType::int8, true, FieldSource::values, set_of(DbrType::char8), "EPICS DBR_CHAR"},
};

constexpr std::string_view kEpicsCaDbrDoc =
    "An EPICS Channel Access (CA) Time Database Record (DBR) MonitorEvent value";

// Up to release 0.6.
constexpr Field kEpicsCaValueFields[] = {
    {"timestamp", FieldType::int64, false, FieldSource::stamp_unix_s, 0, ""},
    {"status", FieldType::int8, true, FieldSource::status, 0, ""},
    {"severity", FieldType::int8, true, FieldSource::severity, 0, ""},
    {"floatValues", FieldType::float64, true, FieldSource::values,
     static_cast<DbrTypeSet>(set_of(DbrType::float64) | set_of(DbrType::float32)), ""},
    {"stringValues", FieldType::string, true, FieldSource::values, set_of(DbrType::string), ""},
    {"intValues", FieldType::int64, true, FieldSource::values,
     static_cast<DbrTypeSet>(set_of(DbrType::int32) | set_of(DbrType::int16) | set_of(DbrType::enum16) |
                             set_of(DbrType::char8)),
     ""},
};

constexpr std::array kSchemas = {
    Schema{"EPICS_CA_DBR", "org.jlab.kafka.connect.EPICS_CA_DBR", 1, kEpicsCaDbrDoc, kEpicsCaDbrFields},
    // Releases 0.7.0 to 1.5.0: the same without the error.
    Schema{"EPICS_CA_DBR-1.5", "org.jlab.kafka.connect.EPICS_CA_DBR", 1, kEpicsCaDbrDoc,
           std::span(kEpicsCaDbrFields).subspan<1>()},
    Schema{"org.jlab.epics.ca.value", "org.jlab.epics.ca.value", 1, "An EPICS Channel Access value",
           kEpicsCaValueFields},
};

void append_type(const Field& field, Buffer& out) {
  const auto scalar = connect_json_name(field.type);
  out.append("\"type\":\"");
  if (field.source == FieldSource::values) {
    out.append("array\",\"items\":{\"type\":\"");
    out.append(scalar);
    out.append("\",\"optional\":true}");
  } else {
    out.append(scalar);
    out.append("\"");
  }
  out.append(field.optional ? ",\"optional\":true" : ",\"optional\":false");
}

}  // namespace

const Schema& epics_ca_dbr_schema() {
  return kSchemas[0];
}

Result<const Schema*> find_schema(std::string_view configured_name) {
  std::string accepted;
  for (const Schema& schema : kSchemas) {
    if (schema.configured_name == configured_name) return &schema;
    if (!accepted.empty()) accepted += ", ";
    accepted += schema.configured_name;
  }
  return fail("value.schema: '" + std::string(configured_name) + "' is not built in; accepted: " + accepted);
}

const Field* value_field(const Schema& schema, DbrType type) {
  for (const Field& field : schema.fields)
    if (field.source == FieldSource::values && contains(field.takes, type)) return &field;
  return nullptr;
}

bool has_error_field(const Schema& schema) {
  return std::ranges::any_of(schema.fields,
                             [](const Field& field) { return field.source == FieldSource::error; });
}

std::string_view connect_json_name(FieldType type) {
  switch (type) {
    case FieldType::int8:
      return "int8";
    case FieldType::int16:
      return "int16";
    case FieldType::int32:
      return "int32";
    case FieldType::int64:
      return "int64";
    case FieldType::float32:
      return "float";
    case FieldType::float64:
      return "double";
    case FieldType::string:
      return "string";
  }
  return "";
}

std::string connect_json_schema(const Schema& schema) {
  Buffer out;
  out.append("{\"type\":\"struct\",\"fields\":[");
  for (const Field& field : schema.fields) {
    out.append(&field == schema.fields.data() ? "{" : ",{");
    append_type(field, out);
    if (!field.doc.empty()) {
      out.append(",\"doc\":");
      append_json_string(field.doc, out);
    }
    out.append(",\"field\":");
    append_json_string(field.name, out);
    out.append("}");
  }
  out.append("],\"optional\":false,\"name\":");
  append_json_string(schema.name, out);
  out.append(",\"version\":" + std::to_string(schema.version));
  if (!schema.doc.empty()) {
    out.append(",\"doc\":");
    append_json_string(schema.doc, out);
  }
  out.append("}");
  return std::string(out.view());
}

}  // namespace e2k::worker
