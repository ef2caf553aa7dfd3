// Pure. Turns one spooled event into the bytes of a Kafka record's value, or an entry's key text into a
// record's key.
//
// An encoder is made once from its options and used by one thread. encode() appends to `out` and leaves it as
// it was when it fails. No encoder emits invalid UTF-8, whatever an IOC sends.
//
// Formats of a schema registry: schema() is what has to be registered before the first record; the id that
// the registry gives it comes with each event, and the encoder writes it where its format wants it. Who asks
// the registry, and under which subject, is not an encoder's business (worker/registry).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "worker/encode/buffer.h"

namespace e2k::worker {

// Native field types by their DBR numbers (db_access.h).
enum class DbrType : uint8_t {
  string = 0,
  int16 = 1,
  float32 = 2,
  enum16 = 3,
  char8 = 4,
  int32 = 5,
  float64 = 6
};
inline constexpr size_t kDbrStringBytes = 40;
// Bytes of one element; 0 for a number that is none.
size_t element_bytes(DbrType type);

struct EventView {
  // Set for an error record: everything else is then absent (null) in the output.
  bool is_error = false;
  std::string_view error;

  DbrType type = DbrType::float64;
  uint32_t count = 0;
  int16_t status = 0;
  int16_t severity = 0;
  int64_t stamp_unix_ns = 0;         // after the rules of output.timestamp
  int32_t schema_id = 0;             // of encoders with a schema(): the registry's id
  std::string_view channel, topic;   // of encoders that want_names(): the topic with its prefix
  std::string_view key;              // likewise; as it is before its converter
  std::span<const std::byte> value;  // count * element_bytes(type), 8-byte aligned
};

// A schema as a registry takes it.
struct SchemaDocument {
  std::string type;         // "AVRO", "PROTOBUF" or "JSON"
  std::string text;         // to the byte what is registered
  std::string record_name;  // full name of the record; "" for a plain string (a key)
};

class ValueEncoder {
public:
  virtual ~ValueEncoder() = default;
  // false: the event can't be expressed (it is then counted lost, LossReason::encoding_failed)
  virtual bool encode(const EventView& event, Buffer& out) = 0;
  // nullptr: no registry is needed.
  virtual const SchemaDocument* schema() const { return nullptr; }
  // false: its schema has no place for error records; they are not published then.
  virtual bool takes_errors() const { return true; }
  virtual bool wants_names() const { return false; }
};

class KeyEncoder {
public:
  virtual ~KeyEncoder() = default;
  virtual bool encode(std::string_view key, int32_t schema_id, Buffer& out) = 0;
  virtual const SchemaDocument* schema() const { return nullptr; }
};

using ConverterOptions = std::map<std::string, std::string>;

// Converters by their short names or Connect's classes; an unknown converter or option is an error that lists
// what is accepted (common/config/converters.h). Plug-ins are made elsewhere (worker/plugin).
Result<std::unique_ptr<ValueEncoder>> make_value_encoder(const std::string& converter,
                                                         const std::string& schema,
                                                         const ConverterOptions& options);
Result<std::unique_ptr<KeyEncoder>> make_key_encoder(const std::string& converter,
                                                     const ConverterOptions& options);

}  // namespace e2k::worker
