// Shell. One HTTP request over a Unix socket, with a deadline for the whole of it, or one whose answer goes
// on (GET /events).
//
// Blocking; one connection a request. For a GET that the control socket's mode forbids, the service's status
// socket is asked instead.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace e2k::supervisor::ctl {

// The program's exit codes.
enum class Exit {
  ok = 0,
  failed = 1,
  usage = 2,
  not_running = 3,
  not_found = 4,
  permission = 5,
  degraded = 6,
  timed_out = 124
};

struct Failure {
  Exit exit = Exit::failed;
  std::string message;
};

template <class T>
using Outcome = tl::expected<T, Failure>;

struct HttpAnswer {
  unsigned code = 0;
  std::string body;
};

// Of one service. Without a word about the status socket it is status.sock beside the other.
struct Sockets {
  std::string control, status;
  Sockets(std::string control_socket, std::string status_socket = "");
};

class Client {
public:
  // `sockets`: where a service may listen, best first; the first that exists is taken.
  Client(std::vector<Sockets> sockets, std::chrono::milliseconds timeout);

  // Any answer of the supervisor, whatever its code.
  Outcome<HttpAnswer> request(std::string_view method, const std::string& target) const;
  // The body of a 2xx answer; other codes become failures with the supervisor's message.
  Outcome<std::string> get(const std::string& target) const;
  Outcome<std::string> post(const std::string& target) const;
  Outcome<std::string> put(const std::string& target) const;
  // A GET that goes on: `take` is given what comes, until it returns false, which ends it like the service
  // does. It is asked twice a second, with "", where nothing comes. Headers: "Name: value".
  Outcome<void> follow(const std::string& target, const std::vector<std::string>& headers,
                       const std::function<bool(std::string_view)>& take) const;

private:
  Outcome<void> follow_at(const std::string& socket, const std::string& target,
                          const std::vector<std::string>& headers,
                          const std::function<bool(std::string_view)>& take) const;
  Outcome<HttpAnswer> request_at(const std::string& socket, std::string_view method,
                                 const std::string& target) const;
  std::vector<Sockets> sockets_;
  std::chrono::milliseconds timeout_;
};

}  // namespace e2k::supervisor::ctl
