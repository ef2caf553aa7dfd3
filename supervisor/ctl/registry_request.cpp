#include "supervisor/ctl/registry_request.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <memory>

#include "common/version.h"

namespace e2k::supervisor::ctl {
namespace {

struct EasyCleanup {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct ListCleanup {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;
using List = std::unique_ptr<curl_slist, ListCleanup>;

struct Taken {
  std::string body;
  size_t most_bytes;
};

// What is more than wanted is dropped, not refused: an answer is an answer.
size_t take(char* data, size_t, size_t count, void* into) {
  auto& taken = *static_cast<Taken*>(into);
  taken.body.append(data, std::min(count, taken.most_bytes - taken.body.size()));
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

List headers_for(const config::RegistrySettings& settings) {
  List headers(
      ::curl_slist_append(nullptr, "Accept: application/vnd.schemaregistry.v1+json, application/json"));
  if (!settings.bearer_token.empty())
    ::curl_slist_append(headers.get(), ("Authorization: Bearer " + settings.bearer_token).c_str());
  return headers;
}

RegistryTrouble trouble_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return RegistryTrouble::unresolved;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return RegistryTrouble::tls;
    default:
      return RegistryTrouble::unreachable;
  }
}

}  // namespace

RegistryReply get_from_registry(const config::RegistryUrl& url, const config::RegistrySettings& settings,
                                const std::string& path, size_t most_bytes,
                                std::chrono::milliseconds timeout) {
  RegistryReply reply;
  const Easy easy(::curl_easy_init());
  if (!easy) {
    reply.trouble = RegistryTrouble::odd;
    reply.words = "libcurl gives no handle";
    return reply;
  }
  const List headers = headers_for(settings);
  std::array<char, CURL_ERROR_SIZE> text{};
  Taken taken{{}, most_bytes};
  set(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  set(easy.get(), CURLOPT_URL, (url.base + path).c_str());
  set(easy.get(), CURLOPT_ERRORBUFFER, text.data());
  set(easy.get(), CURLOPT_WRITEFUNCTION, &take);
  set(easy.get(), CURLOPT_WRITEDATA, static_cast<void*>(&taken));
  set(easy.get(), CURLOPT_NOSIGNAL, 1L);
  set(easy.get(), CURLOPT_FOLLOWLOCATION, 0L);
  set(easy.get(), CURLOPT_USERAGENT, (std::string("epics2kafka/") + release()).c_str());
  // Empty texts keep libcurl from looking into the environment.
  set(easy.get(), CURLOPT_PROXY, settings.proxy.c_str());
  set(easy.get(), CURLOPT_NOPROXY, "");
  set(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  set_tls(easy.get(), settings.tls);
  set_user(easy.get(), url.user_info.empty() ? settings.user_info : url.user_info);
  const CURLcode code = ::curl_easy_perform(easy.get());
  ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  reply.body = std::move(taken.body);
  if (reply.status != 0) return reply;
  reply.trouble = trouble_of(code);
  reply.words = text[0] != '\0' ? text.data() : ::curl_easy_strerror(code);
  return reply;
}

}  // namespace e2k::supervisor::ctl
