// Pure. A record of an output topic as camonitor would print its event.
//
// Read back is every converter of the program with every schema that there is. Avro and Protobuf need the
// text of their schema, which others get.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "supervisor/ctl/writer_schema.h"

namespace e2k::supervisor::ctl {

struct RecordValue {
  std::string error;  // of an error record
  std::vector<std::string> elements;
  int status = 0, severity = 0;
};

// The error says what it is instead, or why there is no schema to read it with.
tl::expected<RecordValue, std::string> read_value(std::string_view bytes, const WriterSchemas& schemas);

// Whether a record's key is this one, whichever converter wrote it: of the binary ones byte for byte.
bool is_key(std::string_view bytes, std::string_view key);

// "NAME  2026-01-31 23:59:59.123456 VALUE STATUS SEVERITY", without its end; arrays have their length before
// their elements. `time`: as it is to be shown.
std::string record_line(std::string_view channel, std::string_view time, const RecordValue& value);

}  // namespace e2k::supervisor::ctl
