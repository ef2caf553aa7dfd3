#include "supervisor/ctl/registry_request.h"

#include <algorithm>
#include <array>

#include "common/registry/registry_handle.h"

namespace e2k::supervisor::ctl {
namespace {

using curl::set;

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
  const curl::Easy easy(curl::is_ready() ? ::curl_easy_init() : nullptr);
  if (!easy) {
    reply.trouble = RegistryTrouble::odd;
    reply.words = "libcurl gives no handle";
    return reply;
  }
  const curl::List headers = config::registry_headers(settings);
  std::array<char, CURL_ERROR_SIZE> text{};
  Taken taken{{}, most_bytes};
  config::prepare_handle(easy, settings);
  config::set_user(easy, url, settings);
  set(easy, CURLOPT_HTTPHEADER, headers.get());
  set(easy, CURLOPT_URL, (url.base + path).c_str());
  set(easy, CURLOPT_ERRORBUFFER, text.data());
  set(easy, CURLOPT_WRITEFUNCTION, &take);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&taken));
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  const CURLcode code = ::curl_easy_perform(easy.get());
  ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  reply.body = std::move(taken.body);
  if (reply.status != 0) return reply;
  reply.trouble = trouble_of(code);
  reply.words = text[0] != '\0' ? text.data() : ::curl_easy_strerror(code);
  return reply;
}

}  // namespace e2k::supervisor::ctl
