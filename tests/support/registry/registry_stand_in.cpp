#include "tests/support/registry/registry_stand_in.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace e2k::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kDeadline{20};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

std::string url_of(uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

SeenRequest seen_from(const http::request<http::string_body>& request) {
  SeenRequest seen{std::string(request.method_string()), std::string(request.target()), request.body(), {}};
  for (const auto& field : request)
    seen.headers[lower(std::string(field.name_string()))] = std::string(field.value());
  return seen;
}

}  // namespace

struct RegistryStandIn::Server {
  // A client's connection; held by the list, so that the end closes all.
  struct Connection {
    tcp::socket socket;
    beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::response<http::string_body> response;
    std::string raw;
  };

  asio::io_context loop{1};
  tcp::acceptor acceptor{loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::list<Connection> connections;
  std::thread thread;

  mutable std::mutex mutex;
  mutable std::condition_variable asked;
  Script script;
  std::vector<SeenRequest> seen;

  void accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (error) return;
      connections.push_back({std::move(socket), {}, {}, {}, {}});
      read(connections.back());
      accept();
    });
  }

  void read(Connection& connection) {
    connection.request = {};
    http::async_read(connection.socket, connection.buffer, connection.request,
                     [this, &connection](error_code error, size_t) {
                       if (error) return close(connection);
                       answer(connection, reply_to(seen_from(connection.request)));
                     });
  }

  Reply reply_to(const SeenRequest& request) {
    Script chosen;
    {
      std::lock_guard lock(mutex);
      seen.push_back(request);
      chosen = script;
    }
    asked.notify_all();
    return chosen(request);
  }

  void answer(Connection& connection, const Reply& reply) {
    switch (reply.kind) {
      case Reply::Kind::hang:
        return;
      case Reply::Kind::close:
        return close(connection);
      case Reply::Kind::raw:
        connection.raw = reply.body;
        asio::async_write(connection.socket, asio::buffer(connection.raw),
                          [this, &connection](error_code, size_t) { close(connection); });
        return;
      case Reply::Kind::answer:
        connection.response = {};
        connection.response.version(11);
        connection.response.result(static_cast<unsigned>(reply.status));
        for (const auto& [name, value] : reply.headers) connection.response.set(name, value);
        connection.response.body() = reply.body;
        connection.response.prepare_payload();
        http::async_write(connection.socket, connection.response,
                          [this, &connection](error_code error, size_t) {
                            if (error) return close(connection);
                            read(connection);
                          });
        return;
    }
  }

  void close(Connection& connection) {
    error_code ignored;
    connection.socket.close(ignored);
  }
};

Reply id_reply(int id) {
  return {Reply::Kind::answer, 200, "{\"id\":" + std::to_string(id) + "}"};
}

Reply error_reply(int status, int error_code, const std::string& message) {
  return {Reply::Kind::answer, status,
          "{\"error_code\":" + std::to_string(error_code) + ",\"message\":\"" + message + "\"}"};
}

RegistryStandIn::RegistryStandIn(Script script) : server_(std::make_unique<Server>()) {
  server_->script = std::move(script);
  server_->accept();
  server_->thread = std::thread([server = server_.get()] { server->loop.run(); });
}

RegistryStandIn::~RegistryStandIn() {
  server_->loop.stop();
  server_->thread.join();
}

uint16_t RegistryStandIn::port() const {
  return server_->acceptor.local_endpoint().port();
}

std::string RegistryStandIn::url() const {
  return url_of(port());
}

void RegistryStandIn::set_script(Script script) {
  std::lock_guard lock(server_->mutex);
  server_->script = std::move(script);
}

std::vector<SeenRequest> RegistryStandIn::seen() const {
  std::lock_guard lock(server_->mutex);
  return server_->seen;
}

bool RegistryStandIn::wait_for_requests(size_t count) const {
  std::unique_lock lock(server_->mutex);
  return server_->asked.wait_for(lock, kDeadline, [&] { return server_->seen.size() >= count; });
}

SilentPort::SilentPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    std::abort();
  port_ = ntohs(address.sin_port);
}

SilentPort::~SilentPort() {
  ::close(fd_);
}

std::string SilentPort::url() const {
  return url_of(port_);
}

}  // namespace e2k::test
