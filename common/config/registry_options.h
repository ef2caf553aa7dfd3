// Pure. The options that converters of a schema registry's formats take for the registry's client: Connect's
// property names, what each may hold, and which are secret. Data only; what they mean together is
// common/registry's to say. The formats' own options (connect.meta.data) are their encoders'.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/config/converters.h"
#include "common/result.h"

namespace e2k::config {

enum class OptionKind : uint8_t {
  text,     // anything
  boolean,  // true or false, in any case
  integer,  // of least..most
  choice    // one of `choices`, to the letter
};

struct RegistryOption {
  std::string_view name;
  OptionKind kind = OptionKind::text;
  bool secret = false;  // never shown; schema.registry.url is secret where it holds a password
  std::optional<RecordPart> part = {};  // nothing: keys' and values' converters have it
  std::span<const std::string_view> choices = {};
  int64_t least = 0;
  int64_t most = 0;
  bool takes_effect = true;  // false: accepted for the sake of files that come from Connect
};

std::span<const RegistryOption> registry_options();

// The name that an option is listed under: the clients of a registry take credentials with the prefix
// "schema.registry.", too.
std::string_view listed_name(std::string_view name);

// The option of that name, whichever way it is written. An unknown one, or one of the other part, is an
// error: what is wrong with the name, what may have been meant, what is accepted; without the name itself.
Result<const RegistryOption*> find_registry_option(std::string_view name, RecordPart part);

// What is wrong with a value, and what is accepted; nothing: it fits. Never repeats a secret.
std::optional<std::string> registry_option_mistake(const RegistryOption& option, std::string_view value);

// The values of the kinds that are not text; nothing: malformed.
std::optional<bool> parse_boolean_option(std::string_view text);
std::optional<int64_t> parse_integer_option(std::string_view text);

}  // namespace e2k::config
