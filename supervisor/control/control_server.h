// Shell. The control surface: HTTP/1.1 on the control and status sockets and on the TCP ports of [control].
//
// Runs on the event loop's thread only, and never blocks it: sockets are non-blocking, an answer is written
// as its reader takes it. Bounds: kMaxConnections a listener (the one that has been idle longest gives way),
// headers, bodies, time without progress, and the bytes of a listener's answers under way; see
// session.h.
// A socket that somebody removed is made again within seconds.
// The Model must outlive the server, or stop() be called before it goes. stop() (and the destructor) closes
// every connection and removes the sockets; handlers that are still queued then do nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "common/config/config.h"
#include "common/result.h"
#include "supervisor/control/model.h"

namespace boost::asio {
class io_context;
}

namespace e2k::supervisor {

// Of a listener's answers under way.
inline constexpr size_t kMaxPendingBytes = 64 * 1024 * 1024;

class ControlServer {
public:
  // Only config.control is looked at.
  static Result<std::unique_ptr<ControlServer>> start(boost::asio::io_context& loop, const Config& config,
                                                      Model& model,
                                                      size_t max_pending_bytes = kMaxPendingBytes);
  ~ControlServer();
  void stop();
  // Once a second: what is new, to those who follow it.
  void feed();

  // The ports that were bound (the configuration may ask for port 0); 0: not configured.
  uint16_t http_port() const;
  uint16_t metrics_port() const;
  size_t connections() const;

private:
  ControlServer() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace e2k::supervisor
