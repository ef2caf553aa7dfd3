#include "worker/registry/registry_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "common/log.h"
#include "common/version.h"

namespace e2k::worker {
namespace {

struct EasyCleanup {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct MultiCleanup {
  void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
};
struct ListCleanup {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;
using Multi = std::unique_ptr<CURLM, MultiCleanup>;
using List = std::unique_ptr<curl_slist, ListCleanup>;

// An abort wakes the wait by itself; this only bounds what a lost wake-up would cost.
constexpr std::chrono::milliseconds kPoll{1000};

// Once a process and before its first handle; a local of static duration is made by one thread only.
bool libcurl_is_ready() {
  static const CURLcode made = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  return made == CURLE_OK;
}

Result<void> check_file(const std::string& path, std::string_view options) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {};
  return fail(std::string(options) + ": " + log::quoted(path) + " can't be read: " + std::strerror(errno) +
              "; correct the path, or let the service's user read it");
}

Result<void> check_files(const config::TlsSettings& tls) {
  if (auto ca = check_file(tls.ca_path, "schema.registry.ssl.truststore.location or ssl.ca.location"); !ca)
    return ca;
  if (auto certificate = check_file(tls.certificate_path,
                                    "schema.registry.ssl.keystore.location or ssl.certificate.location");
      !certificate)
    return certificate;
  return check_file(tls.key_path, "ssl.key.location");
}

std::string_view hint(CURLcode code) {
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
      return "; does that port speak TLS? If not, write http:// in schema.registry.url";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "; schema.registry.ssl.truststore.location must hold the CA of its certificate, and "
             "schema.registry.url the name in it";
    case CURLE_SSL_CERTPROBLEM:
      return "; check schema.registry.ssl.keystore.location, its type and its passwords";
    case CURLE_SSL_CACERT_BADFILE:
      return "; schema.registry.ssl.truststore.location must be a PEM file or a folder of them";
    default:
      return "";
  }
}

struct Body {
  std::string bytes;
  bool too_big = false;
};

size_t take_body(char* data, size_t, size_t count, void* user) {
  Body& body = *static_cast<Body*>(user);
  if (body.bytes.size() + count > kMaxAnswerBytes) {
    body.too_big = true;
    return 0;
  }
  body.bytes.append(data, count);
  return count;
}

// Of options whose values are ours: libcurl refuses one only where it was built without the feature.
template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  ::curl_easy_setopt(easy, option, value);
}

}  // namespace

struct RegistryClient::Curl {
  RegistrySettings settings;
  Redaction redaction;
  size_t preferred = 0;  // the address that answered last
  std::atomic<bool> aborted{false};
  std::array<char, CURL_ERROR_SIZE> error_text{};
  List headers;
  Multi multi;
  Easy easy;

  Result<void> set_up();
  void set_tls();
  void append_header(const std::string& line);
  RegistryAnswer ask_one(const RegistryUrl& url, const RegistryRequest& request,
                         const StillAsking& still_asking);
  void prepare(const RegistryUrl& url, const RegistryRequest& request, Body& body);
  CURLcode run(const std::function<void()>& still_running);
  CURLcode perform(const std::function<void()>& still_running);
  bool is_sent() const;
  std::string words_of(CURLcode code) const;
  RegistryAnswer failure(CURLcode code, const Body& body) const;
};

Result<void> RegistryClient::Curl::set_up() {
  if (auto files = check_files(settings.tls); !files) return files;
  if (!libcurl_is_ready()) return fail("libcurl can't be set up; is its TLS library intact?");
  multi.reset(::curl_multi_init());
  easy.reset(::curl_easy_init());
  if (!multi || !easy) return fail("libcurl gives no handle; is there memory left?");
  for (const RegistryUrl& url : settings.urls) redaction.add_user_info(url.user_info);
  redaction.add_user_info(settings.user_info);
  redaction.add(settings.bearer_token);
  redaction.add(settings.tls.key_password);

  append_header("Accept: " + std::string(kRegistryAccept));
  append_header("Content-Type: " + std::string(kRegistryContentType));
  // Without it a body of some size would wait for a server's consent that many never give.
  append_header("Expect:");
  if (!settings.bearer_token.empty()) append_header("Authorization: Bearer " + settings.bearer_token);

  set(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  set(easy.get(), CURLOPT_NOSIGNAL, 1L);
  set(easy.get(), CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
  set(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(easy.get(), CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  // An abort does not wait for a name server.
  set(easy.get(), CURLOPT_QUICK_EXIT, 1L);
#endif
  set(easy.get(), CURLOPT_USERAGENT, (std::string("epics2kafka/") + release()).c_str());
  set(easy.get(), CURLOPT_ERRORBUFFER, error_text.data());
  set(easy.get(), CURLOPT_WRITEFUNCTION, &take_body);
  set(easy.get(), CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
  // Empty texts keep libcurl from looking into the environment.
  set(easy.get(), CURLOPT_PROXY, settings.proxy.c_str());
  set(easy.get(), CURLOPT_NOPROXY, "");
  set_tls();
  return {};
}

void RegistryClient::Curl::set_tls() {
  const config::TlsSettings& tls = settings.tls;
  set(easy.get(), CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy.get(), CURLOPT_SSL_VERIFYHOST, tls.check_host_name ? 2L : 0L);
  if (!tls.ca_path.empty()) {
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(tls.ca_path, ignored);
    // The one that is not named would still be the system's.
    set(easy.get(), CURLOPT_CAINFO, folder ? nullptr : tls.ca_path.c_str());
    set(easy.get(), CURLOPT_CAPATH, folder ? tls.ca_path.c_str() : nullptr);
  }
  if (tls.certificate_path.empty()) return;
  set(easy.get(), CURLOPT_SSLCERT, tls.certificate_path.c_str());
  set(easy.get(), CURLOPT_SSLCERTTYPE, tls.certificate_type == config::KeyStoreType::pkcs12 ? "P12" : "PEM");
  if (tls.certificate_type == config::KeyStoreType::pem)
    set(easy.get(), CURLOPT_SSLKEY,
        tls.key_path.empty() ? tls.certificate_path.c_str() : tls.key_path.c_str());
  if (!tls.key_password.empty()) set(easy.get(), CURLOPT_KEYPASSWD, tls.key_password.c_str());
}

void RegistryClient::Curl::append_header(const std::string& line) {
  if (curl_slist* longer = ::curl_slist_append(headers.get(), line.c_str())) {
    headers.release();  // NOLINT(bugprone-unused-return-value): it is the head of `longer`
    headers.reset(longer);
  }
}

void RegistryClient::Curl::prepare(const RegistryUrl& url, const RegistryRequest& request, Body& body) {
  set(easy.get(), CURLOPT_URL, (url.base + request.path).c_str());
  set(easy.get(), CURLOPT_WRITEDATA, &body);
  if (request.method == RegistryRequest::Method::post) {
    set(easy.get(), CURLOPT_POST, 1L);
    set(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(easy.get(), CURLOPT_POSTFIELDS, request.body.c_str());
  } else {
    set(easy.get(), CURLOPT_HTTPGET, 1L);
  }
  const std::string& user_info = url.user_info.empty() ? settings.user_info : url.user_info;
  const size_t colon = std::min(user_info.find(':'), user_info.size());
  const std::string user = user_info.substr(0, colon);
  const std::string password = colon < user_info.size() ? user_info.substr(colon + 1) : "";
  set(easy.get(), CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
  set(easy.get(), CURLOPT_USERNAME, user_info.empty() ? nullptr : user.c_str());
  set(easy.get(), CURLOPT_PASSWORD, user_info.empty() ? nullptr : password.c_str());
}

CURLcode RegistryClient::Curl::run(const std::function<void()>& still_running) {
  if (::curl_multi_add_handle(multi.get(), easy.get()) != CURLM_OK) return CURLE_FAILED_INIT;
  const CURLcode result = perform(still_running);
  ::curl_multi_remove_handle(multi.get(), easy.get());
  return result;
}

// libcurl bounds the time until there is a connection; its bound for the rest would begin with it, too.
CURLcode RegistryClient::Curl::perform(const std::function<void()>& still_running) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> deadline;
  auto said = Clock::now();
  while (!aborted.load()) {
    int running = 0;
    if (::curl_multi_perform(multi.get(), &running) != CURLM_OK) return CURLE_FAILED_INIT;
    int left = 0;
    if (const CURLMsg* message = ::curl_multi_info_read(multi.get(), &left)) return message->data.result;
    const auto now = Clock::now();
    if (!deadline && is_sent()) deadline = now + settings.answer_timeout;
    if (deadline && now >= *deadline) return CURLE_OPERATION_TIMEDOUT;
    if (now - said >= kPoll) {
      said = now;
      still_running();
    }
    auto pause = kPoll;
    if (deadline) pause = std::min(pause, std::chrono::ceil<std::chrono::milliseconds>(*deadline - now));
    ::curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(pause.count()), nullptr);
  }
  return CURLE_ABORTED_BY_CALLBACK;
}

bool RegistryClient::Curl::is_sent() const {
  curl_off_t until_sent = 0;
  return ::curl_easy_getinfo(easy.get(), CURLINFO_PRETRANSFER_TIME_T, &until_sent) == CURLE_OK &&
         until_sent > 0;
}

std::string RegistryClient::Curl::words_of(CURLcode code) const {
  if (code == CURLE_OPERATION_TIMEDOUT) {
    const bool sent = is_sent();
    return "timed out: " + std::string(sent ? "no answer" : "no connection") + " within " +
           std::to_string((sent ? settings.answer_timeout : settings.connect_timeout).count()) + " ms";
  }
  if (code == CURLE_COULDNT_CONNECT) {
    long error = 0;
    ::curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &error);
    return ::curl_easy_strerror(code) +
           (error == 0 ? "" : std::string(": ") + std::strerror(static_cast<int>(error)));
  }
  return error_text[0] != '\0' ? error_text.data() : ::curl_easy_strerror(code);
}

RegistryAnswer RegistryClient::Curl::failure(CURLcode code, const Body& body) const {
  RegistryAnswer answer;
  if (code == CURLE_ABORTED_BY_CALLBACK)
    answer.words = "given up";
  else if (body.too_big)
    answer.words = "its answer has more than " + std::to_string(kMaxAnswerBytes) + " bytes";
  else
    answer.words = one_line(redaction.apply(words_of(code)), kMaxWordsBytes) + std::string(hint(code));
  return answer;
}

RegistryAnswer RegistryClient::Curl::ask_one(const RegistryUrl& url, const RegistryRequest& request,
                                             const StillAsking& still_asking) {
  Body body;
  prepare(url, request, body);
  error_text[0] = '\0';
  const CURLcode code = run([&] {
    if (still_asking) still_asking(url.base);
  });
  if (code != CURLE_OK) return failure(code, body);
  long status = 0;
  ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  return decode_answer(request.question, static_cast<int>(status), body.bytes, redaction);
}

RegistryClient::RegistryClient(std::unique_ptr<Curl> curl) : curl_(std::move(curl)) {}
RegistryClient::~RegistryClient() = default;

Result<std::unique_ptr<RegistryClient>> RegistryClient::create(RegistrySettings settings) {
  auto curl = std::make_unique<Curl>();
  curl->settings = std::move(settings);
  if (auto ready = curl->set_up(); !ready) return tl::unexpected(ready.error());
  return std::unique_ptr<RegistryClient>(new RegistryClient(std::move(curl)));
}

RegistryAnswer RegistryClient::ask(const RegistryRequest& request, const StillAsking& still_asking) {
  Curl& curl = *curl_;
  const size_t count = curl.settings.urls.size();
  std::optional<RegistryAnswer> denial;
  RegistryAnswer failures;
  for (size_t i = 0; i < count && !curl.aborted.load(); ++i) {
    const size_t index = (curl.preferred + i) % count;
    const RegistryUrl& url = curl.settings.urls[index];
    RegistryAnswer answer = curl.ask_one(url, request, still_asking);
    if (answer.verdict == Verdict::ok || answer.verdict == Verdict::refused) {
      curl.preferred = index;
      return answer;
    }
    const std::string words = url.base + ": " + answer.words;
    if (answer.verdict == Verdict::unauthorised) {
      if (count > 1) answer.words = words;
      if (!denial) denial = std::move(answer);
      continue;
    }
    failures.words += (failures.words.empty() ? "" : "; ") + words;
    failures.status = std::max(failures.status, answer.status);
  }
  if (denial) return *std::move(denial);
  if (failures.words.empty()) failures.words = "given up";
  return failures;
}

void RegistryClient::abort() noexcept {
  curl_->aborted.store(true);
  ::curl_multi_wakeup(curl_->multi.get());
}

}  // namespace e2k::worker
