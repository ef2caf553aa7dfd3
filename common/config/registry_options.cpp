#include "common/config/registry_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

#include "common/config/spelling.h"
#include "common/log.h"

namespace e2k::config {
namespace {

constexpr auto kStrategies = std::to_array<std::string_view>({
    "io.confluent.kafka.serializers.subject.TopicNameStrategy",
    "io.confluent.kafka.serializers.subject.RecordNameStrategy",
    "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy",
    "TopicNameStrategy",
    "RecordNameStrategy",
    "TopicRecordNameStrategy",
});
constexpr auto kBasicSources = std::to_array<std::string_view>({"URL", "USER_INFO"});
constexpr auto kBearerSources = std::to_array<std::string_view>({"STATIC_TOKEN"});
// Stores that can't be read here are known by name, so that their refusal can say how to convert them.
constexpr auto kStoreTypes = std::to_array<std::string_view>({"PEM", "PKCS12", "JKS"});
constexpr auto kEndpointChecks = std::to_array<std::string_view>({"https", ""});

constexpr int64_t kLongestTimeoutMs = 600'000;
constexpr int64_t kAnyNumber = std::numeric_limits<int64_t>::max();

constexpr RegistryOption text(std::string_view name) {
  return {.name = name};
}
constexpr RegistryOption secret(std::string_view name) {
  return {.name = name, .secret = true};
}
constexpr RegistryOption boolean(std::string_view name) {
  return {.name = name, .kind = OptionKind::boolean};
}
constexpr RegistryOption integer(std::string_view name, int64_t least, int64_t most) {
  return {.name = name, .kind = OptionKind::integer, .least = least, .most = most};
}
// Sizes of caches: there is one schema a subject, and its id is kept as long as the program runs.
// Compatibility of the latest schema: it must have the same wire form as ours in any case.
constexpr RegistryOption idle(std::string_view name, int64_t least) {
  return {
      .name = name, .kind = OptionKind::integer, .least = least, .most = kAnyNumber, .takes_effect = false};
}
constexpr RegistryOption choice(std::string_view name, std::span<const std::string_view> choices,
                                std::optional<RecordPart> part = std::nullopt) {
  return {.name = name, .kind = OptionKind::choice, .part = part, .choices = choices};
}

constexpr auto kOptions = std::to_array<RegistryOption>({
    text("schema.registry.url"),
    boolean("auto.register.schemas"),
    boolean("use.latest.version"),
    boolean("normalize.schemas"),
    choice("value.subject.name.strategy", kStrategies, RecordPart::value),
    choice("key.subject.name.strategy", kStrategies, RecordPart::key),
    choice("basic.auth.credentials.source", kBasicSources),
    secret("basic.auth.user.info"),
    choice("bearer.auth.credentials.source", kBearerSources),
    secret("bearer.auth.token"),
    integer("http.connect.timeout.ms", 1, kLongestTimeoutMs),
    integer("http.read.timeout.ms", 1, kLongestTimeoutMs),
    text("proxy.host"),
    integer("proxy.port", 1, 65535),
    text("schema.registry.ssl.truststore.location"),
    choice("schema.registry.ssl.truststore.type", kStoreTypes),
    secret("schema.registry.ssl.truststore.password"),
    text("schema.registry.ssl.keystore.location"),
    choice("schema.registry.ssl.keystore.type", kStoreTypes),
    secret("schema.registry.ssl.keystore.password"),
    secret("schema.registry.ssl.key.password"),
    choice("schema.registry.ssl.endpoint.identification.algorithm", kEndpointChecks),
    text("ssl.ca.location"),
    text("ssl.certificate.location"),
    text("ssl.key.location"),
    secret("ssl.key.password"),
    {.name = "latest.compatibility.strict", .kind = OptionKind::boolean, .takes_effect = false},
    idle("schemas.cache.config", 0),
    idle("schemas.cache.size", 0),
    idle("schema.cache.size", 0),
    idle("latest.cache.size", 0),
    idle("latest.cache.ttl.sec", -1),
    idle("max.schemas.per.subject", 0),
});

std::string joined(std::span<const std::string_view> words) {
  std::string all;
  for (const std::string_view word : words)
    (all += all.empty() ? "" : ", ") += word.empty() ? std::string_view("\"\"") : word;
  return all;
}

}  // namespace

std::span<const RegistryOption> registry_options() {
  return kOptions;
}

std::string_view listed_name(std::string_view name) {
  constexpr std::string_view kPrefix = "schema.registry.";
  if (!name.starts_with(kPrefix)) return name;
  const std::string_view rest = name.substr(kPrefix.size());
  return rest.starts_with("basic.auth.") || rest.starts_with("bearer.auth.") ? rest : name;
}

Result<const RegistryOption*> find_registry_option(std::string_view given, RecordPart part) {
  const std::string_view name = listed_name(given);
  std::vector<std::string_view> accepted;
  for (const RegistryOption& option : kOptions) {
    if (option.name == name) {
      if (!option.part || *option.part == part) return &option;
      return fail(part == RecordPart::key
                      ? "belongs to the value's options; a key's is key.subject.name.strategy"
                      : "belongs to the key's options; a value's is value.subject.name.strategy");
    }
    if (!option.part || *option.part == part) accepted.push_back(option.name);
  }
  return fail("no option of a converter with a schema registry" + suggestion(name, accepted) +
              "; accepted: " + joined(accepted));
}

std::optional<std::string> registry_option_mistake(const RegistryOption& option, std::string_view value) {
  switch (option.kind) {
    case OptionKind::text:
      return std::nullopt;
    case OptionKind::boolean:
      if (parse_boolean_option(value)) return std::nullopt;
      return "neither true nor false; accepted: true, false";
    case OptionKind::integer: {
      const auto number = parse_integer_option(value);
      if (number && *number >= option.least && *number <= option.most) return std::nullopt;
      return "no whole number of the range; accepted: " + std::to_string(option.least) +
             (option.most == kAnyNumber ? " and more" : " to " + std::to_string(option.most));
    }
    case OptionKind::choice:
      if (std::ranges::find(option.choices, value) != option.choices.end()) return std::nullopt;
      return log::quoted(value) + " is not known here" + suggestion(value, option.choices) +
             "; accepted: " + joined(option.choices);
  }
  return std::nullopt;
}

std::optional<bool> parse_boolean_option(std::string_view text) {
  const auto is = [text](std::string_view word) {
    return std::ranges::equal(text, word, [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
  };
  if (is("true")) return true;
  if (is("false")) return false;
  return std::nullopt;
}

std::optional<int64_t> parse_integer_option(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace e2k::config
