#include "supervisor/ctl/client.h"

#include <poll.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/curl.h"

namespace e2k::supervisor::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxAnswerBytes = 256 * 1024 * 1024;

tl::unexpected<Failure> failure(Exit exit, std::string message) {
  return tl::unexpected<Failure>({exit, std::move(message)});
}

tl::unexpected<Failure> failed_with(int error, const std::string& socket) {
  switch (error) {
    case ENOENT:
    case ECONNREFUSED:
      return failure(Exit::not_running, "no supervisor answers on " + socket +
                                            "; start it (systemctl start epics2kafka, or "
                                            "epics2kafka-supervisor --config FILE), or name its socket with "
                                            "--socket PATH or --instance NAME");
    case EACCES:
    case EPERM:
      return failure(Exit::permission, "you may not use " + socket +
                                           "; ask as a member of the service's group (see `ls -l " + socket +
                                           "`)");
    case ETIMEDOUT:
      return failure(Exit::timed_out,
                     "the supervisor did not answer on " + socket + " in time; --timeout S waits longer");
    default:
      return failure(Exit::failed, socket + ": " + std::generic_category().message(error));
  }
}

using curl::Easy;
using curl::set;

// A request of that target over that socket.
Outcome<Easy> begin(const std::string& socket, const std::string& target) {
  Easy easy(curl::is_ready() ? ::curl_easy_init() : nullptr);
  if (!easy) return failed_with(ENOMEM, socket);
  if (socket.size() >= sizeof(sockaddr_un::sun_path)) return failed_with(ENAMETOOLONG, socket);
  const std::string url = "http://e2k" + target;
  set(easy, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  set(easy, CURLOPT_URL, url.c_str());
  set(easy, CURLOPT_PATH_AS_IS, 1L);
  set(easy, CURLOPT_PROXY, "");  // whatever the environment says
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_FORBID_REUSE, 1L);
  return easy;
}

size_t take(char* bytes, size_t, size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (text.size() + count > kMaxAnswerBytes) return 0;
  text.append(bytes, count);
  return count;
}

// An errno that tells what became of it; EPROTO: what came is no HTTP answer.
int error_of(CURL* easy, CURLcode code) {
  long error = 0;
  switch (code) {
    case CURLE_OK:
      return 0;
    case CURLE_OPERATION_TIMEDOUT:
      return ETIMEDOUT;
    case CURLE_COULDNT_CONNECT:
      ::curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
      return error == 0 ? ECONNREFUSED : static_cast<int>(error);
    case CURLE_OUT_OF_MEMORY:
      return ENOMEM;
    case CURLE_WRITE_ERROR:
      return EMSGSIZE;
    default:
      return EPROTO;
  }
}

std::string message_of(const HttpAnswer& answer) {
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  if (json.is_object() && json.contains("message") && json["message"].is_string())
    return json["message"].get<std::string>();
  return "the supervisor answered with " + std::to_string(answer.code);
}

Outcome<std::string> body_of(Outcome<HttpAnswer> answer) {
  if (!answer) return tl::unexpected(answer.error());
  if (answer->code >= 200 && answer->code < 300) return std::move(answer->body);
  const Exit exit = answer->code == 400                          ? Exit::usage
                    : answer->code == 404                        ? Exit::not_found
                    : answer->code == 401 || answer->code == 403 ? Exit::permission
                                                                 : Exit::failed;
  return failure(exit, message_of(*answer));
}

std::string status_socket_beside(const std::string& socket) {
  const size_t slash = socket.rfind('/');
  return (slash == std::string::npos ? "" : socket.substr(0, slash + 1)) + "status.sock";
}

}  // namespace

Sockets::Sockets(std::string control_socket, std::string status_socket)
    : control(std::move(control_socket)),
      status(status_socket.empty() ? status_socket_beside(control) : std::move(status_socket)) {}

Client::Client(std::vector<Sockets> sockets, std::chrono::milliseconds timeout)
    : sockets_(std::move(sockets)), timeout_(timeout) {}

namespace {

// Heartbeats come every ten seconds.
constexpr long kSilenceS = 30;

struct Followed {
  const std::function<bool(std::string_view)>& take;
  CURL* easy;
  std::string refusal = {};  // the body of an answer that is none
  bool ended_by_us = false;
};

size_t take_followed(char* bytes, size_t, size_t count, void* state) {
  auto& followed = *static_cast<Followed*>(state);
  long code = 0;
  ::curl_easy_getinfo(followed.easy, CURLINFO_RESPONSE_CODE, &code);
  if (code != 200) {
    followed.refusal.append(bytes, std::min<size_t>(count, 4096));
    return count;
  }
  followed.ended_by_us = !followed.take({bytes, count});
  return followed.ended_by_us ? 0 : count;
}

int look_up(void* state, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& followed = *static_cast<Followed*>(state);
  if (!followed.take("")) followed.ended_by_us = true;
  return followed.ended_by_us ? 1 : 0;
}

}  // namespace

Outcome<void> Client::follow_at(const std::string& socket, const std::string& target,
                                const std::vector<std::string>& headers,
                                const std::function<bool(std::string_view)>& take) const {
  const auto easy = begin(socket, target);
  if (!easy) return tl::unexpected(easy.error());
  CURL* const request = easy->get();
  curl::List list;
  for (const std::string& header : headers) curl::append(list, header);
  Followed followed{take, request};
  set(request, CURLOPT_HTTPHEADER, list.get());
  set(request, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_.count()));
  set(request, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(request, CURLOPT_LOW_SPEED_TIME, kSilenceS);
  set(request, CURLOPT_WRITEFUNCTION, &take_followed);
  set(request, CURLOPT_WRITEDATA, &followed);
  set(request, CURLOPT_NOPROGRESS, 0L);
  set(request, CURLOPT_XFERINFOFUNCTION, &look_up);
  set(request, CURLOPT_XFERINFODATA, &followed);
  const int error = error_of(request, ::curl_easy_perform(request));
  if (followed.ended_by_us) return {};
  long code = 0;
  ::curl_easy_getinfo(request, CURLINFO_RESPONSE_CODE, &code);
  if (code == 200) return {};  // the service ended it, however
  if (error != 0) return failed_with(error, socket);
  auto body = body_of(HttpAnswer{static_cast<unsigned>(code), std::move(followed.refusal)});
  return body ? Outcome<void>{} : tl::unexpected(body.error());
}

Outcome<void> Client::follow(const std::string& target, const std::vector<std::string>& headers,
                             const std::function<bool(std::string_view)>& take) const {
  Outcome<void> first = failure(Exit::not_running, "no socket is known; name it with --socket PATH");
  for (size_t i = 0; i < sockets_.size(); ++i) {
    auto followed = follow_at(sockets_[i].control, target, headers, take);
    if (!followed && followed.error().exit == Exit::permission)
      if (auto beside = follow_at(sockets_[i].status, target, headers, take); beside) return beside;
    if (followed || followed.error().exit != Exit::not_running) return followed;
    if (i == 0) first = std::move(followed);
  }
  return first;
}

Outcome<HttpAnswer> Client::request_at(const std::string& socket, std::string_view method,
                                       const std::string& target) const {
  const auto easy = begin(socket, target);
  if (!easy) return tl::unexpected(easy.error());
  CURL* const request = easy->get();
  const std::string verb(method);
  HttpAnswer answer;
  set(request, CURLOPT_WRITEFUNCTION, &take);
  set(request, CURLOPT_WRITEDATA, &answer.body);
  if (verb != "GET") {
    set(request, CURLOPT_POSTFIELDS, "");
    set(request, CURLOPT_CUSTOMREQUEST, verb.c_str());
  }
  const auto deadline = Clock::now() + timeout_;
  int error = EAGAIN;
  // EAGAIN: its queue of connections is full. There is nothing to poll for.
  for (bool first = true; error == EAGAIN; first = false) {
    if (!first) ::poll(nullptr, 0, 20);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return failed_with(ETIMEDOUT, socket);
    set(request, CURLOPT_TIMEOUT_MS, static_cast<long>(left));
    error = error_of(request, ::curl_easy_perform(request));
  }
  if (error == EPROTO) return failure(Exit::failed, "what answers on " + socket + " is not a supervisor");
  if (error != 0) return failed_with(error, socket);
  long code = 0;
  ::curl_easy_getinfo(request, CURLINFO_RESPONSE_CODE, &code);
  answer.code = static_cast<unsigned>(code);
  return answer;
}

Outcome<HttpAnswer> Client::request(std::string_view method, const std::string& target) const {
  if (sockets_.empty()) return failure(Exit::usage, "no socket is known; name it with --socket PATH");
  Outcome<HttpAnswer> first = failure(Exit::not_running, "");
  for (size_t i = 0; i < sockets_.size(); ++i) {
    auto answer = request_at(sockets_[i].control, method, target);
    if (!answer && answer.error().exit == Exit::permission && method == "GET") {
      if (auto beside = request_at(sockets_[i].status, method, target); beside) return beside;
    }
    if (answer || answer.error().exit != Exit::not_running) return answer;
    if (i == 0) first = std::move(answer);
  }
  return first;
}

Outcome<std::string> Client::get(const std::string& target) const {
  return body_of(request("GET", target));
}

Outcome<std::string> Client::post(const std::string& target) const {
  return body_of(request("POST", target));
}

Outcome<std::string> Client::put(const std::string& target) const {
  return body_of(request("PUT", target));
}

}  // namespace e2k::supervisor::ctl
