#include "worker/encode/encoder.h"

#include <algorithm>
#include <array>
#include <optional>

#include "worker/encode/json_value_encoder.h"
#include "worker/encode/key_encoders.h"
#include "worker/encode/schema.h"

namespace e2k::worker {
namespace {

enum class Form : uint8_t { string, json };

// Our short names, and Connect's class names with the defaults that they have there.
struct Converter {
  std::string_view name;
  Form form;
  bool schemas_enable;          // json: the default of schemas.enable
  std::string_view other_name;  // json: the short name that stands for the opposite; empty: both may be set
  bool for_values;
};
constexpr std::array kConverters = {
    Converter{"json", Form::json, false, "json-schema-envelope", true},
    Converter{"json-schema-envelope", Form::json, true, "json", true},
    Converter{"org.apache.kafka.connect.json.JsonConverter", Form::json, true, "", true},
    Converter{"string", Form::string, false, "", false},
    Converter{"org.apache.kafka.connect.storage.StringConverter", Form::string, false, "", false},
};
constexpr std::string_view kSchemasEnable = "schemas.enable";

struct Chosen {
  Form form;
  bool with_envelope;
};

Result<const Converter*> find_converter(const std::string& side, const std::string& name, bool for_values) {
  std::string accepted;
  for (const Converter& converter : kConverters) {
    if (for_values && !converter.for_values) continue;
    if (converter.name == name) return &converter;
    if (!accepted.empty()) accepted += ", ";
    accepted += converter.name;
  }
  return fail(side + ".converter: '" + name + "' is not built in; accepted: " + accepted);
}

std::optional<bool> parse_bool(const std::string& text) {
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (lower == "true") return true;
  if (lower == "false") return false;
  return std::nullopt;
}

// `side` is "value" or "key", as the user wrote it.
Result<Chosen> choose(const std::string& side, const std::string& name, const ConverterOptions& options,
                      bool for_values) {
  const auto found = find_converter(side, name, for_values);
  if (!found) return tl::unexpected(found.error());
  const Converter& converter = **found;
  Chosen chosen{converter.form, converter.schemas_enable};
  for (const auto& [option, text] : options) {
    const std::string where = side + ".options: '" + option + "'";
    if (converter.form == Form::string)
      return fail(where + " is refused: the converter " + name + " takes no options");
    if (option != kSchemasEnable)
      return fail(where + " is not an option of the converter " + name + "; accepted: schemas.enable");
    const std::optional<bool> wanted = parse_bool(text);
    if (!wanted) return fail(where + " is '" + text + "'; accepted: true, false");
    if (*wanted != converter.schemas_enable && !converter.other_name.empty())
      return fail(where + " = " + text + " contradicts " + side + ".converter = \"" + name + "\"; use \"" +
                  std::string(converter.other_name) + "\" instead");
    chosen.with_envelope = *wanted;
  }
  return chosen;
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
  const auto chosen = choose("value", converter, options, true);
  if (!chosen) return tl::unexpected(chosen.error());
  const auto fields = find_schema(schema);
  if (!fields) return tl::unexpected(fields.error());
  return std::make_unique<JsonValueEncoder>(**fields, chosen->with_envelope);
}

Result<std::unique_ptr<KeyEncoder>> make_key_encoder(const std::string& converter,
                                                     const ConverterOptions& options) {
  const auto chosen = choose("key", converter, options, false);
  if (!chosen) return tl::unexpected(chosen.error());
  if (chosen->form == Form::string) return std::make_unique<StringKeyEncoder>();
  return std::make_unique<JsonKeyEncoder>(chosen->with_envelope);
}

}  // namespace e2k::worker
