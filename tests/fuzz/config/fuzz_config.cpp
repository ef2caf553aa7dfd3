// Any bytes as a configuration: the text before the first "--set " is the file, what stands behind each of
// these is an argument. Nothing may crash; a configuration that is accepted is printed, and what was printed
// is read back as the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/config/build.h"
#include "common/config/load.h"

namespace {

e2k::config::Surroundings surroundings() {
  e2k::config::Surroundings around;
  around.path = "f.toml";
  around.cores = 4;
  around.environment = [](const std::string&) { return std::nullopt; };
  around.resolve = [](const e2k::config::Reference& reference) -> e2k::Result<std::string> {
    if (reference.name.size() % 2 == 0) return e2k::fail("not there");
    return reference.name;
  };
  return around;
}

bool shows_everything(const e2k::Config& config) {
  bool secret = !config.hidden.empty() || config.control.http_token.secret;
  for (const e2k::Properties* properties :
       {&config.kafka.common, &config.kafka.producer, &config.kafka.consumer, &config.value.options,
        &config.key.options})
    for (const auto& property : *properties) secret = secret || property.second.secret;
  return !secret;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kSet = "--set ";
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  e2k::config::Surroundings around = surroundings();
  const std::string_view toml = rest.substr(0, rest.find(kSet));
  rest.remove_prefix(toml.size());
  while (!rest.empty() && around.settings.size() < 8) {
    rest.remove_prefix(kSet.size());
    around.settings.emplace_back(rest.substr(0, rest.find(kSet)));
    rest.remove_prefix(around.settings.back().size());
  }
  auto config = e2k::config::build_config(toml, around);
  if (!config) {
    if (config.error().messages.empty()) std::abort();
    return 0;
  }
  const std::string printed = e2k::print_config(*config);
  if (!shows_everything(*config)) return 0;
  around.settings.clear();
  auto again = e2k::config::build_config(printed, around);
  if (!again) {
    std::fprintf(stderr, "%s\n%s\n", printed.c_str(), again.error().messages.front().c_str());
    std::abort();
  }
  config->places.clear();
  again->places.clear();
  if (*config != *again) std::abort();
  return 0;
}
