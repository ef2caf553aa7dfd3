#include "supervisor/migrate/connect_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "supervisor/migrate/java_properties.h"

namespace e2k::supervisor::migrate {
namespace {

using Json = nlohmann::ordered_json;

void put(ConnectFile& file, Option option) {
  const auto known = std::ranges::find(file.options, option.name, &Option::name);
  if (known != file.options.end())
    *known = std::move(option);
  else
    file.options.push_back(std::move(option));
}

Result<ConnectFile> read_json(std::string_view text, ConnectFile file, const std::string& path) {
  const Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) return fail(path + ": no valid JSON");
  if (!document.is_object())
    return fail(path + ": no JSON object; accepted: {\"name\":…,\"config\":{…}}, or the config alone");
  const bool posted = document.contains("config") && document["config"].is_object();
  if (posted && document.contains("name") && document["name"].is_string())
    put(file, {"name", document["name"].get<std::string>(), file.label});
  for (const auto& [name, value] : (posted ? document["config"] : document).items()) {
    if (value.is_null()) continue;
    if (value.is_structured())
      return fail(path + ": the option " + name + " is no text, number, true or false");
    put(file, {name, value.is_string() ? value.get<std::string>() : value.dump(), file.label});
  }
  return file;
}

}  // namespace

const Option* ConnectFile::find(std::string_view name) const {
  const auto found = std::ranges::find(options, name, &Option::name);
  return found == options.end() ? nullptr : &*found;
}

Result<ConnectFile> read_connect_file(std::string_view text, const std::string& path) {
  ConnectFile file{path.substr(path.rfind('/') + 1), {}};
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (text[first] == '{' || text[first] == '['))
    return read_json(text, std::move(file), path);
  auto properties = read_java_properties(text);
  if (!properties) return fail(path + ":" + properties.error().message);
  for (JavaProperty& property : *properties)
    put(file, {std::move(property.name), std::move(property.value),
               file.label + ":" + std::to_string(property.line)});
  return file;
}

}  // namespace e2k::supervisor::migrate
