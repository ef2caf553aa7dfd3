// Shell. The one CA repeater of the service: a process of the worker program (--ca-repeater), started before
// the first worker so that no libca spawns one of its own.
//
// ready() is called once: when the UDP port is taken, by ours or by somebody else's repeater, or after
// kReadyTimeoutMs; workers can do without it. A repeater that crashes comes back with back-off; one that
// found the port taken is tried again every kTakenRetryMs. It dies with the supervisor, and goes on when that
// becomes another program. One thread: the loop's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace e2k::supervisor {

class Repeater {
public:
  static constexpr int64_t kReadyTimeoutMs = 2'000;
  static constexpr int64_t kTakenRetryMs = 30'000;
  static constexpr int64_t kMaxDelayMs = 30'000;

  // `epics`: EPICS_CA_* of the configuration; EPICS_CA_REPEATER_PORT in it, or in the environment, or 5065.
  static std::unique_ptr<Repeater> make(boost::asio::io_context& loop, std::string program,
                                        std::map<std::string, std::string> epics);
  virtual ~Repeater() = default;

  virtual void start(std::function<void()> ready) = 0;
  virtual void stop() = 0;
};

// Whether somebody holds that UDP port on this machine.
bool udp_port_taken(uint16_t port);

}  // namespace e2k::supervisor
