#include "worker/registry/registry_client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/log.h"
#include "common/registry/registry_handle.h"

namespace e2k::worker {
namespace {

struct MultiCleanup {
  void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
};
using Multi = std::unique_ptr<CURLM, MultiCleanup>;
using curl::set;

// An abort wakes the wait by itself; this only bounds what a lost wake-up would cost.
constexpr std::chrono::milliseconds kPoll{1000};

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

}  // namespace

struct RegistryClient::Curl {
  RegistrySettings settings;
  Redaction redaction;
  size_t preferred = 0;  // the address that answered last
  std::atomic<bool> aborted{false};
  std::array<char, CURL_ERROR_SIZE> error_text{};
  curl::List headers;
  Multi multi;
  curl::Easy easy;

  Result<void> set_up();
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
  if (!curl::is_ready()) return fail("libcurl can't be set up; is its TLS library intact?");
  multi.reset(::curl_multi_init());
  easy.reset(::curl_easy_init());
  if (!multi || !easy) return fail("libcurl gives no handle; is there memory left?");
  for (const RegistryUrl& url : settings.urls) redaction.add_user_info(url.user_info);
  redaction.add_user_info(settings.user_info);
  redaction.add(settings.bearer_token);
  redaction.add(settings.tls.key_password);

  headers = config::registry_headers(settings);
  curl::append(headers, "Content-Type: " + std::string(kRegistryContentType));
  // Without it a body of some size would wait for a server's consent that many never give.
  curl::append(headers, "Expect:");

  config::prepare_handle(easy, settings);
  set(easy, CURLOPT_HTTPHEADER, headers.get());
#if LIBCURL_VERSION_NUM >= 0x075700
  // An abort does not wait for a name server.
  set(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  set(easy, CURLOPT_ERRORBUFFER, error_text.data());
  set(easy, CURLOPT_WRITEFUNCTION, &take_body);
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
  return {};
}

void RegistryClient::Curl::prepare(const RegistryUrl& url, const RegistryRequest& request, Body& body) {
  set(easy, CURLOPT_URL, (url.base + request.path).c_str());
  set(easy, CURLOPT_WRITEDATA, &body);
  if (request.method == RegistryRequest::Method::post) {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  } else {
    set(easy, CURLOPT_HTTPGET, 1L);
  }
  config::set_user(easy, url, settings);
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
