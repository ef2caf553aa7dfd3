// Shell. Answers libca's own searches, on a UDP socket on loopback; environment.h says why.
//
// One thread: the *ca* thread calls turn() and polls on fd(). Each turn takes kMaxDatagramsATurn at most;
// what libca is not answered for it asks again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "common/fd.h"
#include "common/result.h"
#include "worker/ca/search/codec.h"

namespace e2k::worker::search {

class Responder {
public:
  static constexpr int kMaxDatagramsATurn = 256;
  struct Answer {
    ServerAddress server;
    uint16_t minor_version;
  };
  // Nothing: libca hears nothing.
  using Lookup = std::function<std::optional<Answer>(std::string_view name)>;

  static Result<std::unique_ptr<Responder>> open();
  uint16_t port() const { return port_; }
  int fd() const { return socket_.get(); }
  void turn(const Lookup& lookup);

private:
  Responder(UniqueFd socket, uint16_t port) : socket_(std::move(socket)), port_(port) {}
  UniqueFd socket_;
  uint16_t port_;
  SearchRequests requests_;
};

}  // namespace e2k::worker::search
