// Shell. A small HTTP server in place of a schema registry, on a free port of 127.0.0.1 and a thread of its
// own: it answers by a script and remembers what it was asked.
//
// The script is called on the server's thread, one request at a time. Requests are recorded before they are
// answered. The destructor closes every connection, those that hang too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace e2k::test {

struct SeenRequest {
  std::string method, target, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

struct Reply {
  enum class Kind : uint8_t {
    answer,  // a response of `status` with `body`
    raw,     // `body` as it is, HTTP or not, then the end of the connection
    hang,    // nothing, the connection stays
    close    // the end of the connection
  };
  Kind kind = Kind::answer;
  int status = 200;
  std::string body = {};
  std::map<std::string, std::string> headers = {};
};

Reply id_reply(int id);
// As registries have it.
Reply error_reply(int status, int error_code, const std::string& message);

class RegistryStandIn {
public:
  using Script = std::function<Reply(const SeenRequest&)>;

  explicit RegistryStandIn(Script script);
  ~RegistryStandIn();

  uint16_t port() const;
  std::string url() const;  // http://127.0.0.1:PORT
  void set_script(Script script);

  std::vector<SeenRequest> seen() const;
  // False: fewer came within 20 s.
  bool wait_for_requests(size_t count) const;

private:
  struct Server;
  const std::unique_ptr<Server> server_;
};

// An address that refuses connections as long as this lives: the port is taken, nobody listens.
class SilentPort {
public:
  SilentPort();
  ~SilentPort();
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;
  std::string url() const;

private:
  int fd_ = -1;
  uint16_t port_ = 0;
};

}  // namespace e2k::test
