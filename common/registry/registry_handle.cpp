#include "common/registry/registry_handle.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "common/version.h"

namespace e2k::config {
namespace {

using curl::set;

void set_tls(const curl::Easy& easy, const TlsSettings& tls) {
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, tls.check_host_name ? 2L : 0L);
  if (!tls.ca_path.empty()) {
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(tls.ca_path, ignored);
    // The one that is not named would still be the system's.
    set(easy, CURLOPT_CAINFO, folder ? nullptr : tls.ca_path.c_str());
    set(easy, CURLOPT_CAPATH, folder ? tls.ca_path.c_str() : nullptr);
  }
  if (tls.certificate_path.empty()) return;
  const bool is_pem = tls.certificate_type == KeyStoreType::pem;
  set(easy, CURLOPT_SSLCERT, tls.certificate_path.c_str());
  set(easy, CURLOPT_SSLCERTTYPE, is_pem ? "PEM" : "P12");
  if (is_pem) set(easy, CURLOPT_SSLKEY, (tls.key_path.empty() ? tls.certificate_path : tls.key_path).c_str());
  if (!tls.key_password.empty()) set(easy, CURLOPT_KEYPASSWD, tls.key_password.c_str());
}

}  // namespace

void prepare_handle(const curl::Easy& easy, const RegistrySettings& settings) {
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(easy, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  set(easy, CURLOPT_USERAGENT, (std::string("epics2kafka/") + release()).c_str());
  // Empty texts keep libcurl from looking into the environment.
  set(easy, CURLOPT_PROXY, settings.proxy.c_str());
  set(easy, CURLOPT_NOPROXY, "");
  set_tls(easy, settings.tls);
}

void set_user(const curl::Easy& easy, const RegistryUrl& url, const RegistrySettings& settings) {
  const std::string& user_info = url.user_info.empty() ? settings.user_info : url.user_info;
  const size_t colon = std::min(user_info.find(':'), user_info.size());
  const std::string user = user_info.substr(0, colon);
  const std::string password = colon < user_info.size() ? user_info.substr(colon + 1) : "";
  set(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
  set(easy, CURLOPT_USERNAME, user_info.empty() ? nullptr : user.c_str());
  set(easy, CURLOPT_PASSWORD, user_info.empty() ? nullptr : password.c_str());
}

curl::List registry_headers(const RegistrySettings& settings) {
  curl::List headers;
  curl::append(headers, "Accept: application/vnd.schemaregistry.v1+json, application/json");
  if (!settings.bearer_token.empty()) curl::append(headers, "Authorization: Bearer " + settings.bearer_token);
  return headers;
}

}  // namespace e2k::config
