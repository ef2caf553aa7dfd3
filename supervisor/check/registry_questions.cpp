#include "supervisor/check/registry_questions.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <memory>

#include "common/registry/registry_settings.h"
#include "common/version.h"

namespace e2k::supervisor::check {
namespace {

using std::chrono::milliseconds;

// Of one address: so that one which is silent leaves time for the next.
constexpr milliseconds kLongest{4000};

struct EasyCleanup {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct ListCleanup {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;
using List = std::unique_ptr<curl_slist, ListCleanup>;

// The list of subjects may be long, and nobody reads it.
size_t drop(char*, size_t, size_t count, void*) {
  return count;
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  ::curl_easy_setopt(easy, option, value);
}

void set_tls(CURL* easy, const config::TlsSettings& tls) {
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, tls.check_host_name ? 2L : 0L);
  if (!tls.ca_path.empty()) {
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(tls.ca_path, ignored);
    set(easy, CURLOPT_CAINFO, folder ? nullptr : tls.ca_path.c_str());
    set(easy, CURLOPT_CAPATH, folder ? tls.ca_path.c_str() : nullptr);
  }
  if (tls.certificate_path.empty()) return;
  const bool pem = tls.certificate_type == config::KeyStoreType::pem;
  set(easy, CURLOPT_SSLCERT, tls.certificate_path.c_str());
  set(easy, CURLOPT_SSLCERTTYPE, pem ? "PEM" : "P12");
  if (pem) set(easy, CURLOPT_SSLKEY, (tls.key_path.empty() ? tls.certificate_path : tls.key_path).c_str());
  if (!tls.key_password.empty()) set(easy, CURLOPT_KEYPASSWD, tls.key_password.c_str());
}

void set_user(CURL* easy, const std::string& user_info) {
  if (user_info.empty()) return;
  const size_t colon = std::min(user_info.find(':'), user_info.size());
  set(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
  set(easy, CURLOPT_USERNAME, user_info.substr(0, colon).c_str());
  set(easy, CURLOPT_PASSWORD, colon < user_info.size() ? user_info.c_str() + colon + 1 : "");
}

Trouble trouble_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Trouble::unresolved;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return Trouble::tls;
    default:
      return Trouble::unreachable;
  }
}

void judge(CURL* easy, CURLcode code, const char* text, RegistryFacts& facts) {
  ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &facts.status);
  // A long list that did not end in time is an answer, too.
  if (facts.status >= 200 && facts.status < 300) return;
  if (facts.status != 0) {
    facts.trouble =
        facts.status == 401 || facts.status == 403 || facts.status == 407 ? Trouble::login : Trouble::odd;
    facts.words = "it answers GET /subjects with HTTP " + std::to_string(facts.status);
    return;
  }
  facts.trouble = trouble_of(code);
  facts.words = text[0] != '\0' ? text : ::curl_easy_strerror(code);
}

RegistryFacts ask(const config::RegistryUrl& url, const config::RegistrySettings& settings,
                  const Deadline& deadline) {
  RegistryFacts facts;
  facts.url = url.base;
  const Easy easy(::curl_easy_init());
  if (!easy) {
    facts.trouble = Trouble::odd;
    facts.words = "libcurl gives no handle";
    return facts;
  }
  List headers(
      ::curl_slist_append(nullptr, "Accept: application/vnd.schemaregistry.v1+json, application/json"));
  if (!settings.bearer_token.empty())
    ::curl_slist_append(headers.get(), ("Authorization: Bearer " + settings.bearer_token).c_str());
  std::array<char, CURL_ERROR_SIZE> text{};
  set(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  set(easy.get(), CURLOPT_URL, (url.base + "/subjects").c_str());
  set(easy.get(), CURLOPT_ERRORBUFFER, text.data());
  set(easy.get(), CURLOPT_WRITEFUNCTION, &drop);
  set(easy.get(), CURLOPT_NOSIGNAL, 1L);
  set(easy.get(), CURLOPT_FOLLOWLOCATION, 0L);
  set(easy.get(), CURLOPT_USERAGENT, (std::string("epics2kafka/") + release()).c_str());
  // Empty texts keep libcurl from looking into the environment.
  set(easy.get(), CURLOPT_PROXY, settings.proxy.c_str());
  set(easy.get(), CURLOPT_NOPROXY, "");
  set(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(std::min(kLongest, deadline.left()).count()));
  set_tls(easy.get(), settings.tls);
  set_user(easy.get(), url.user_info.empty() ? settings.user_info : url.user_info);
  const CURLcode code = ::curl_easy_perform(easy.get());
  judge(easy.get(), code, text.data(), facts);
  return facts;
}

void ask_part(const Properties& options, config::RecordPart part, const char* name, const Deadline& deadline,
              std::vector<RegistryFacts>& told) {
  if (!options.contains("schema.registry.url")) return;
  config::OptionValues values;
  for (const auto& [option, value] : options) values[option] = value.value;
  // The configuration was judged before: what can't be read is told there.
  const auto settings = config::read_registry_settings(config::registry_part(values, part), part);
  if (!settings) return;
  for (const config::RegistryUrl& url : settings->urls) {
    told.push_back(ask(url, *settings, deadline));
    told.back().part = name;
  }
}

}  // namespace

std::vector<RegistryFacts> ask_registries(const Config& config, const Deadline& deadline) {
  std::vector<RegistryFacts> told;
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return told;
  ask_part(config.value.options, config::RecordPart::value, "value", deadline, told);
  ask_part(config.key.options, config::RecordPart::key, "key", deadline, told);
  ::curl_global_cleanup();
  return told;
}

}  // namespace e2k::supervisor::check
