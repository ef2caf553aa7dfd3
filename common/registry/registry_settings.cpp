#include "common/registry/registry_settings.h"

#include <algorithm>

#include "common/text.h"

namespace e2k::config {
namespace {

constexpr std::string_view kUrl = "schema.registry.url";
constexpr std::string_view kBasicSource = "basic.auth.credentials.source";
constexpr std::string_view kUserInfo = "basic.auth.user.info";
constexpr std::string_view kBearerSource = "bearer.auth.credentials.source";
constexpr std::string_view kToken = "bearer.auth.token";

std::string_view strategy_option(RecordPart part) {
  return part == RecordPart::key ? "key.subject.name.strategy" : "value.subject.name.strategy";
}

Result<void> read_urls(const OptionReader& options, RegistrySettings& settings) {
  if (!options.has(kUrl))
    return options.refuse(kUrl, "missing; name the schema registry, for example http://registry:8081");
  auto urls = parse_registry_urls(options.text(kUrl));
  if (!urls) return options.refuse(kUrl, urls.error().message);
  settings.urls = std::move(*urls);
  return {};
}

// Connect's default for the source of credentials is the URL, and it ignores user info without a source. Here
// what is given is used, and two that are given are one too many.
Result<void> read_user(const OptionReader& options, RegistrySettings& settings) {
  const bool in_url =
      std::ranges::any_of(settings.urls, [](const RegistryUrl& url) { return !url.user_info.empty(); });
  const std::string source = options.text(kBasicSource);
  settings.user_info = options.text(kUserInfo);
  if (source == "URL" && !in_url)
    return options.refuse(kBasicSource,
                          "is URL, but no address of schema.registry.url has credentials; write "
                          "user:password@ before its host");
  if (source == "USER_INFO" && settings.user_info.empty())
    return options.refuse(kBasicSource, "is USER_INFO, but there is none; set basic.auth.user.info");
  if (in_url && source == "USER_INFO")
    return options.refuse(kUrl, "holds credentials beside those of basic.auth.user.info; keep one of them");
  if (in_url && !settings.user_info.empty())
    return options.refuse(kUserInfo, "stands beside credentials in schema.registry.url; keep one of them");
  if (!settings.user_info.empty() &&
      (settings.user_info.find(':') == std::string::npos || has_control_characters(settings.user_info)))
    return options.refuse(kUserInfo, "is not of the form user:password, in one line; write it so");
  return {};
}

Result<void> read_token(const OptionReader& options, RegistrySettings& settings) {
  settings.bearer_token = options.text(kToken);
  if (options.has(kBearerSource) && settings.bearer_token.empty())
    return options.refuse(kBearerSource, "is STATIC_TOKEN, but there is none; set bearer.auth.token");
  if (settings.bearer_token.empty()) return {};
  // It becomes part of a header line.
  if (!std::ranges::all_of(settings.bearer_token, [](char c) { return c > 0x20 && c < 0x7f; }))
    return options.refuse(kToken, "holds white space or other characters that no token has; check its file");
  if (options.has(kBasicSource) || !settings.user_info.empty() ||
      std::ranges::any_of(settings.urls, [](const RegistryUrl& url) { return !url.user_info.empty(); }))
    return options.refuse(kToken, "stands beside a user's credentials; keep one of them");
  return {};
}

Result<void> read_proxy(const OptionReader& options, RegistrySettings& settings) {
  const std::string host = options.text("proxy.host");
  const std::string port = options.text("proxy.port");
  if (host.empty() && port.empty()) return {};
  if (host.empty()) return options.refuse("proxy.port", "has no host; set proxy.host too");
  if (port.empty()) return options.refuse("proxy.host", "has no port; set proxy.port too");
  const auto url = parse_registry_urls("http://" + host + ":" + port);
  if (!url || url->size() != 1 || !url->front().user_info.empty() || host.find('/') != std::string::npos)
    return options.refuse("proxy.host", "is no host's name or address; give it without scheme and port");
  settings.proxy = url->front().base;
  return {};
}

SubjectStrategy strategy_named(std::string_view name) {
  if (name.ends_with("TopicRecordNameStrategy")) return SubjectStrategy::topic_record_name;
  if (name.ends_with("RecordNameStrategy")) return SubjectStrategy::record_name;
  return SubjectStrategy::topic_name;
}

}  // namespace

Result<RegistrySettings> read_registry_settings(const OptionValues& options, RecordPart part) {
  const auto reader = OptionReader::create(options, part);
  if (!reader) return tl::unexpected(reader.error());
  RegistrySettings settings;
  for (const auto step : {read_urls, read_user, read_token, read_proxy})
    if (auto done = step(*reader, settings); !done) return tl::unexpected(done.error());
  auto tls = read_tls(*reader);
  if (!tls) return tl::unexpected(tls.error());
  settings.tls = std::move(*tls);
  if (!reader->flag("auto.register.schemas", true))
    settings.question = reader->flag("use.latest.version", false) ? Question::latest : Question::look_up;
  settings.normalize = reader->flag("normalize.schemas", false);
  settings.strategy = strategy_named(reader->text(strategy_option(part)));
  if (part == RecordPart::key && settings.strategy != SubjectStrategy::topic_name)
    return reader->refuse(strategy_option(part),
                          "names subjects by the record, but a key is a plain one without a name; use "
                          "TopicNameStrategy");
  const auto milliseconds = [&reader](std::string_view name, std::chrono::milliseconds otherwise) {
    return std::chrono::milliseconds(reader->number(name, otherwise.count()));
  };
  settings.connect_timeout = milliseconds("http.connect.timeout.ms", settings.connect_timeout);
  settings.answer_timeout = milliseconds("http.read.timeout.ms", settings.answer_timeout);
  return settings;
}

OptionValues registry_part(const OptionValues& options, RecordPart part) {
  OptionValues ours;
  for (const auto& given : options)
    if (find_registry_option(given.first, part)) ours.insert(given);
  return ours;
}

}  // namespace e2k::config
