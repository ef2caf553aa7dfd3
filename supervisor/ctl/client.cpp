#include "supervisor/ctl/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/fd.h"

namespace e2k::supervisor::ctl {
namespace {

namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kMaxAnswerBytes = 256 * 1024 * 1024;

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

// Waits until the socket is ready for `events`; 0 or an errno.
int wait_for(int fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return ETIMEDOUT;
    pollfd poll{fd, events, 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::min<int64_t>(left, 1'000'000)));
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return errno;
  }
}

int connect_to(int fd, const std::string& socket, Clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // EAGAIN: its queue of connections is full. There is nothing to poll for.
    if (errno != EAGAIN && errno != EINTR) return errno;
    if (Clock::now() > deadline) return ETIMEDOUT;
    ::poll(nullptr, 0, 20);
  }
  return 0;
}

int send_all(int fd, std::string_view text, Clock::time_point deadline) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      text.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const int error = wait_for(fd, POLLOUT, deadline); error != 0) return error;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

using Parser = http::response_parser<http::string_body>;

// 0 or an errno; EPROTO: not an HTTP answer.
int receive(int fd, Parser& parser, Clock::time_point deadline) {
  std::string buffer;
  size_t used = 0;
  buffer.resize(64 * 1024);
  while (!parser.is_done()) {
    if (const int error = wait_for(fd, POLLIN, deadline); error != 0) return error;
    const ssize_t got = ::recv(fd, buffer.data() + used, buffer.size() - used, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return errno;
    boost::system::error_code error;
    if (got == 0) {
      parser.put_eof(error);
      return error || !parser.is_done() ? EPROTO : 0;
    }
    used += static_cast<size_t>(got);
    const size_t eaten = parser.put(boost::asio::buffer(buffer.data(), used), error);
    if (error && error != http::error::need_more) return EPROTO;
    buffer.erase(0, eaten);
    used -= eaten;
    buffer.resize(used + 64 * 1024);
  }
  return 0;
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

Outcome<HttpAnswer> Client::request_at(const std::string& socket, std::string_view method,
                                       const std::string& target) const {
  const auto deadline = Clock::now() + timeout_;
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failed_with(errno, socket);
  const std::string text = std::string(method) + " " + target +
                           " HTTP/1.1\r\nHost: e2k\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  Parser parser;
  parser.eager(true);  // one put() goes on into the body
  parser.body_limit(kMaxAnswerBytes);
  int error = connect_to(fd.get(), socket, deadline);
  if (error == 0) error = send_all(fd.get(), text, deadline);
  if (error == 0) error = receive(fd.get(), parser, deadline);
  if (error == EPROTO) return failure(Exit::failed, "what answers on " + socket + " is not a supervisor");
  if (error != 0) return failed_with(error, socket);
  return HttpAnswer{parser.get().result_int(), std::move(parser.get().body())};
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
