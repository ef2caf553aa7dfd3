#include "worker/encode/encoder.h"

#include <utility>

#include "common/config/converters.h"
#include "worker/encode/avro_encoder.h"
#include "worker/encode/json_value_encoder.h"
#include "worker/encode/key_encoders.h"
#include "worker/encode/msgpack_encoder.h"
#include "worker/encode/protobuf_encoder.h"
#include "worker/encode/schema.h"
#include "worker/encode/string_value_encoder.h"

namespace e2k::worker {
namespace {

using config::ConverterChoice;
using config::RecordPart;

// The supervisor has judged the same before it started the worker; what is wrong here is a contract of
// another release, and the message is for who reads the worker's end.
Result<ConverterChoice> choose(const std::string& converter, const ConverterOptions& options,
                               RecordPart part) {
  Properties properties;
  for (const auto& [name, value] : options) properties[name] = {value, false};
  ConverterChoice choice = config::resolve_converter(converter, std::move(properties), part);
  if (choice.mistakes.empty()) return choice;
  return fail((part == RecordPart::value ? "value." : "key.") + choice.mistakes.front());
}

bool with_meta_data(const ConverterChoice& choice) {
  return config::option_is_true(choice.options, "connect.meta.data", true);
}

}  // namespace

size_t element_bytes(DbrType type) {
  switch (type) {
    case DbrType::string:
      return kDbrStringBytes;
    case DbrType::int16:
    case DbrType::enum16:
      return 2;
    case DbrType::char8:
      return 1;
    case DbrType::float32:
    case DbrType::int32:
      return 4;
    case DbrType::float64:
      return 8;
  }
  return 0;
}

Result<std::unique_ptr<ValueEncoder>> make_value_encoder(const std::string& converter,
                                                         const std::string& schema,
                                                         const ConverterOptions& options) {
  const auto choice = choose(converter, options, RecordPart::value);
  if (!choice) return tl::unexpected(choice.error());
  const auto found = find_schema(schema);
  if (!found) return tl::unexpected(found.error());
  const Schema& fields = **found;
  const std::string& name = choice->converter;
  if (name == "json") return std::make_unique<JsonValueEncoder>(fields, JsonForm::plain);
  if (name == "json-schema-envelope") return std::make_unique<JsonValueEncoder>(fields, JsonForm::envelope);
  if (name == "jsonschema") return std::make_unique<JsonValueEncoder>(fields, JsonForm::registry);
  if (name == "string") return std::make_unique<StringValueEncoder>(fields);
  if (name == "msgpack") return std::make_unique<MsgpackValueEncoder>(fields);
  if (name == "avro") return std::make_unique<AvroValueEncoder>(fields, with_meta_data(*choice));
  if (name == "protobuf") return std::make_unique<ProtobufValueEncoder>(fields);
  return fail("value.converter: " + name + " is not built in");
}

Result<std::unique_ptr<KeyEncoder>> make_key_encoder(const std::string& converter,
                                                     const ConverterOptions& options) {
  const auto choice = choose(converter, options, RecordPart::key);
  if (!choice) return tl::unexpected(choice.error());
  const std::string& name = choice->converter;
  if (name == "string") return std::make_unique<StringKeyEncoder>();
  if (name == "json") return std::make_unique<JsonKeyEncoder>(JsonForm::plain);
  if (name == "json-schema-envelope") return std::make_unique<JsonKeyEncoder>(JsonForm::envelope);
  if (name == "jsonschema") return std::make_unique<JsonKeyEncoder>(JsonForm::registry);
  if (name == "msgpack") return std::make_unique<MsgpackKeyEncoder>();
  if (name == "avro") return std::make_unique<AvroKeyEncoder>();
  if (name == "protobuf") return std::make_unique<ProtobufKeyEncoder>();
  return fail("key.converter: " + name + " is not built in");
}

}  // namespace e2k::worker
