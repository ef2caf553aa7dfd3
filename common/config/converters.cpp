#include "common/config/converters.h"

#include <algorithm>
#include <array>

#include "common/config/spelling.h"
#include "common/log.h"

namespace e2k::config {
namespace {

constexpr auto kNames = std::to_array<std::string_view>(
    {"json", "json-schema-envelope", "string", "msgpack", "avro", "protobuf", "jsonschema"});

struct ConnectClass {
  std::string_view name, converter;
};
constexpr auto kClasses = std::to_array<ConnectClass>({
    {"org.apache.kafka.connect.json.JsonConverter", "json"},
    {"org.apache.kafka.connect.storage.StringConverter", "string"},
    {"org.apache.kafka.connect.converters.ByteArrayConverter", "msgpack"},
    {"io.confluent.connect.avro.AvroConverter", "avro"},
    {"io.confluent.connect.protobuf.ProtobufConverter", "protobuf"},
    {"io.confluent.connect.json.JsonSchemaConverter", "jsonschema"},
});

constexpr std::string_view kEnvelope = "schemas.enable";
constexpr auto kJsonOptions = std::to_array<std::string_view>(
    {kEnvelope, "schemas.cache.size", "decimal.format", "replace.null.with.default", "converter.type"});
constexpr auto kStringOptions = std::to_array<std::string_view>({"converter.encoding", "converter.type"});
constexpr auto kByteOptions = std::to_array<std::string_view>({"converter.type"});

template <class Names>
std::string joined(const Names& names) {
  std::string text;
  for (const auto& name : names) (text += text.empty() ? "" : ", ") += name;
  return text;
}

template <class Names>
void check_option_names(ConverterChoice& choice, const Names& known) {
  for (const auto& option : choice.options)
    if (std::find(known.begin(), known.end(), option.first) == known.end())
      choice.mistakes.push_back("options." + option.first + ": no option of the converter " +
                                choice.converter + suggestion(option.first, known) +
                                "; accepted: " + joined(known));
}

// The envelope is asked for by the converter's name or by its option; both end as the name.
void settle_envelope(ConverterChoice& choice, bool class_name) {
  const auto option = choice.options.find(std::string(kEnvelope));
  if (option == choice.options.end()) {
    if (class_name) {
      choice.options[std::string(kEnvelope)] = {"true", false};
      choice.converter = "json-schema-envelope";
    }
    return;
  }
  const std::string& wanted = option->second.value;
  if (wanted != "true" && wanted != "false")
    choice.mistakes.push_back("options.schemas.enable: neither true nor false; accepted: true, false");
  else if (wanted == "true")
    choice.converter = "json-schema-envelope";
  else if (choice.converter == "json-schema-envelope")
    choice.mistakes.push_back(
        "options.schemas.enable: false contradicts the converter json-schema-envelope; accepted: true, or "
        "the "
        "converter json");
}

}  // namespace

std::string accepted_converters(RecordPart) {
  std::string text = joined(kNames) + ", plugin:/path.so, or one of Connect's classes:";
  for (const ConnectClass& known : kClasses) (text += " ") += known.name;
  return text;
}

ConverterChoice resolve_converter(std::string_view name, Properties options, RecordPart part) {
  ConverterChoice choice{std::string(name), std::move(options), {}};
  const auto known_class = std::find_if(kClasses.begin(), kClasses.end(),
                                        [name](const ConnectClass& known) { return known.name == name; });
  if (known_class != kClasses.end()) choice.converter = known_class->converter;
  if (name.starts_with("plugin:")) {
    const std::string_view path = name.substr(7);
    if (!path.starts_with("/") || path.size() < 2)
      choice.mistakes.push_back(
          "converter: a plugin is named by its absolute path; accepted: plugin:/path.so");
    return choice;
  }
  if (std::find(kNames.begin(), kNames.end(), choice.converter) == kNames.end()) {
    std::vector<std::string_view> known(kNames.begin(), kNames.end());
    for (const ConnectClass& connect : kClasses) known.push_back(connect.name);
    choice.mistakes.push_back("converter: no converter " + log::quoted(name) + suggestion(name, known) +
                              "; accepted: " + accepted_converters(part));
    return choice;
  }
  if (choice.converter.starts_with("json") && choice.converter != "jsonschema") {
    settle_envelope(choice, known_class != kClasses.end());
    check_option_names(choice, kJsonOptions);
  } else if (choice.converter == "string") {
    check_option_names(choice, kStringOptions);
  } else if (choice.converter == "msgpack") {
    check_option_names(choice, kByteOptions);
  }
  // The registry's converters take properties of HTTP clients too; their encoders know them.
  return choice;
}

}  // namespace e2k::config
