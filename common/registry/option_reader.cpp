#include "common/registry/option_reader.h"

#include "common/config/registry_options.h"
#include "common/log.h"

namespace e2k::config {
namespace {

constexpr std::string_view kEncodersOption = "connect.meta.data";

std::string place(RecordPart part, std::string_view name) {
  // A name comes from a file: it may hold anything.
  const std::string quoted = log::quoted(name);
  return (part == RecordPart::key ? "key.options." : "value.options.") + quoted.substr(1, quoted.size() - 2) +
         ": ";
}

}  // namespace

Result<OptionReader> OptionReader::create(const OptionValues& options, RecordPart part) {
  OptionValues ours;
  for (const auto& [name, value] : options) {
    if (name == kEncodersOption) continue;
    const auto option = find_registry_option(name, part);
    if (!option) return fail(place(part, name) + option.error().message);
    if (const auto mistake = registry_option_mistake(**option, value))
      return fail(place(part, name) + *mistake);
    if (!ours.emplace(listed_name(name), value).second)
      return fail(place(part, name) + "stands there with and without schema.registry. before it; keep one");
  }
  return OptionReader(std::move(ours), part);
}

std::string OptionReader::text(std::string_view name) const {
  return text_or(name, "");
}

std::string OptionReader::text_or(std::string_view name, std::string_view otherwise) const {
  const auto found = options_.find(std::string(name));
  return found == options_.end() ? std::string(otherwise) : found->second;
}

bool OptionReader::flag(std::string_view name, bool otherwise) const {
  return parse_boolean_option(text(name)).value_or(otherwise);
}

int64_t OptionReader::number(std::string_view name, int64_t otherwise) const {
  return parse_integer_option(text(name)).value_or(otherwise);
}

tl::unexpected<Error> OptionReader::refuse(std::string_view name, std::string_view why) const {
  return fail(place(part_, name) + std::string(why));
}

}  // namespace e2k::config
