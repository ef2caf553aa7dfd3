#include "common/config/converters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "common/config/registry_options.h"
#include "common/config/spelling.h"
#include "common/log.h"
#include "common/text.h"

namespace e2k::config {
namespace {

constexpr std::string_view kPlugin = "plugin:";
constexpr std::string_view kEnvelope = "schemas.enable";

// An option of a converter. `accepted` lists the only values that are carried out; empty: any value of the
// kind.
struct ConverterOption {
  std::string_view name;
  OptionKind kind;
  std::string_view accepted = "";
};

// Connect hands it to every converter; it says nothing that is not known.
constexpr ConverterOption kEveryConverters[] = {{"converter.type", OptionKind::choice, "key, value"}};
constexpr ConverterOption kJson[] = {
    {kEnvelope, OptionKind::boolean},
    {"schemas.cache.size", OptionKind::integer},
    {"decimal.format", OptionKind::choice, "BASE64, NUMERIC"},  // there are no decimals
    {"replace.null.with.default", OptionKind::boolean},         // nor defaults
};
constexpr ConverterOption kString[] = {{"converter.encoding", OptionKind::choice, "UTF-8, UTF8"}};
constexpr ConverterOption kAvro[] = {
    {"connect.meta.data", OptionKind::boolean},
    {"enhanced.avro.schema.support", OptionKind::boolean},
    {"scrub.invalid.names", OptionKind::boolean},
    {"generalized.sum.type.support", OptionKind::boolean},
    {"discard.type.doc.default", OptionKind::choice, "false"},
};
constexpr ConverterOption kJsonSchema[] = {
    {"decimal.format", OptionKind::choice, "BASE64, NUMERIC"},
    {"object.additional.properties", OptionKind::choice, "true"},
    {"use.optional.for.nonrequired", OptionKind::boolean},
    {"ignore.default.for.nullables", OptionKind::boolean},
    {"json.fail.invalid.schema", OptionKind::boolean},
    {"json.oneof.for.nullables", OptionKind::choice, "true"},
    {"generalized.sum.type.support", OptionKind::boolean},
};
constexpr ConverterOption kProtobuf[] = {
    {"enhanced.protobuf.schema.support", OptionKind::choice, "false"},
    {"generate.index.for.unions", OptionKind::boolean},
    {"generate.struct.for.nulls", OptionKind::boolean},
    {"int.for.enums", OptionKind::boolean},
    {"optional.for.nullables", OptionKind::choice, "false"},
    {"wrapper.for.nullables", OptionKind::choice, "false"},
    {"wrapper.for.raw.primitives", OptionKind::boolean},
    {"scrub.invalid.names", OptionKind::boolean},
    {"generalized.sum.type.support", OptionKind::boolean},
};

struct Converter {
  std::string_view name;
  std::string_view connect_class;  // "" where another name is the class's
  std::span<const ConverterOption> options;
  bool registry = false;
};
constexpr auto kConverters = std::to_array<Converter>({
    {"json", "org.apache.kafka.connect.json.JsonConverter", kJson},
    {"json-schema-envelope", "", kJson},
    {"string", "org.apache.kafka.connect.storage.StringConverter", kString},
    {"msgpack", "org.apache.kafka.connect.converters.ByteArrayConverter", {}},
    {"avro", "io.confluent.connect.avro.AvroConverter", kAvro, true},
    {"protobuf", "io.confluent.connect.protobuf.ProtobufConverter", kProtobuf, true},
    {"jsonschema", "io.confluent.connect.json.JsonSchemaConverter", kJsonSchema, true},
});

const Converter* find_converter(std::string_view name) {
  for (const Converter& converter : kConverters)
    if (converter.name == name || (!name.empty() && converter.connect_class == name)) return &converter;
  return nullptr;
}

bool is_one_of(std::string_view list, std::string_view value) {
  for (;;) {
    const size_t comma = list.find(", ");
    if (list.substr(0, comma) == value) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 2);
  }
}

// What the option takes where `value` is not of it; "" where it is.
std::string accepted_instead(const ConverterOption& option, const std::string& value) {
  switch (option.kind) {
    case OptionKind::boolean:
      return lower(value) == "true" || lower(value) == "false" ? "" : "true, false";
    case OptionKind::integer: {
      int64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      return error == std::errc() && end == value.data() + value.size() && number >= 0 ? "" : "0, 1, 2, …";
    }
    case OptionKind::choice:
      return is_one_of(option.accepted, value) || is_one_of(option.accepted, lower(value))
                 ? ""
                 : std::string(option.accepted);
    case OptionKind::text:
      return "";
  }
  return "";
}

class Options {
public:
  Options(const Converter& converter, RecordPart part) {
    own_.assign(converter.options.begin(), converter.options.end());
    own_.insert(own_.end(), std::begin(kEveryConverters), std::end(kEveryConverters));
    for (const ConverterOption& option : own_) names_.push_back(option.name);
    if (!converter.registry) return;
    for (const RegistryOption& option : registry_options())
      if (!option.part || *option.part == part) {
        registry_.push_back(&option);
        names_.push_back(option.name);
      }
  }

  // What is wrong with it; "" where nothing is.
  std::string mistake(const std::string& name, const ConfigString& value,
                      const std::string& converter) const {
    for (const ConverterOption& option : own_)
      if (option.name == name) return own_mistake(option, value);
    for (const RegistryOption* option : registry_)
      if (option->name == listed_name(name))
        return registry_option_mistake(*option, value.value).value_or("");
    std::string accepted;
    for (const std::string_view one : names_) (accepted += accepted.empty() ? "" : ", ") += one;
    return "no option of the converter " + converter + suggestion(name, names_) + "; accepted: " + accepted;
  }

private:
  static std::string own_mistake(const ConverterOption& option, const ConfigString& value) {
    const std::string accepted = accepted_instead(option, value.value);
    if (accepted.empty()) return "";
    return (value.secret ? std::string("its value") : log::quoted(value.value)) +
           " is not carried out; accepted: " + accepted;
  }

  std::vector<ConverterOption> own_;
  std::vector<const RegistryOption*> registry_;
  std::vector<std::string_view> names_;
};

void judge_options(ConverterChoice& choice, const Converter& converter, RecordPart part) {
  const Options known(converter, part);
  for (const auto& [name, value] : choice.options)
    if (const std::string mistake = known.mistake(name, value, choice.converter); !mistake.empty())
      choice.mistakes.push_back("options." + name + ": " + mistake);
}

// JsonConverter writes the schema into an envelope or leaves it away: by the name here, by an option there.
void settle_envelope(ConverterChoice& choice, bool class_name) {
  const std::string option(kEnvelope);
  if (class_name) {
    choice.options.try_emplace(option, ConfigString{"true", false});
    choice.converter = option_is_true(choice.options, option, true) ? "json-schema-envelope" : "json";
    return;
  }
  const bool by_name = choice.converter == "json-schema-envelope";
  const bool by_option = option_is_true(choice.options, option, by_name);
  if (by_name == by_option ||
      accepted_instead({kEnvelope, OptionKind::boolean}, choice.options[option].value) != "")
    return;
  choice.mistakes.push_back("options.schemas.enable: " + std::string(by_option ? "true" : "false") +
                            " contradicts the converter " + choice.converter + "; name the converter " +
                            (by_option ? "json-schema-envelope" : "json") + " instead");
}

}  // namespace

std::string connect_class_of(std::string_view name) {
  const Converter* converter = find_converter(name == "json-schema-envelope" ? "json" : name);
  return std::string(converter == nullptr ? name : converter->connect_class);
}

std::string accepted_converters(RecordPart part) {
  std::string names, classes;
  for (const Converter& converter : kConverters) {
    (names += converter.name) += ", ";
    if (!converter.connect_class.empty()) (classes += " ") += converter.connect_class;
  }
  if (part == RecordPart::value) names += "plugin:/path.so, ";
  return names + "or one of Connect's classes:" + classes;
}

ConverterChoice resolve_converter(std::string_view name, Properties options, RecordPart part) {
  ConverterChoice choice{std::string(name), std::move(options), {}};
  if (name.starts_with(kPlugin)) {
    const std::string_view path = name.substr(kPlugin.size());
    if (part == RecordPart::key)
      choice.mistakes.push_back("converter: plug-ins write values only; accepted: " +
                                accepted_converters(part));
    else if (!path.starts_with("/") || path.size() < 2)
      choice.mistakes.push_back(
          "converter: a plug-in is named by its absolute path; accepted: plugin:/path.so");
    return choice;
  }
  const Converter* converter = find_converter(name);
  if (converter == nullptr) {
    std::vector<std::string_view> known;
    for (const Converter& one : kConverters) {
      known.push_back(one.name);
      known.push_back(one.connect_class);
    }
    choice.mistakes.push_back("converter: no converter " + log::quoted(name) + suggestion(name, known) +
                              "; accepted: " + accepted_converters(part));
    return choice;
  }
  choice.converter = converter->name;
  judge_options(choice, *converter, part);
  if (converter->options.data() == std::data(kJson)) settle_envelope(choice, converter->name != name);
  return choice;
}

bool needs_registry(std::string_view converter) {
  const Converter* found = find_converter(converter);
  return found != nullptr && found->registry;
}

bool option_is_true(const Properties& options, const std::string& name, bool otherwise) {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : lower(found->second.value) == "true";
}

}  // namespace e2k::config
