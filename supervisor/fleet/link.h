// Shell. The supervisor's end of the control plane: one ZeroMQ ROUTER on a Unix socket, under the event loop.
//
// What can't be decoded, and peers whose identity is not "slot.generation", are logged (a few lines a minute)
// and dropped. ZMQ_FD is edge-triggered: the socket is drained after every wake-up and after every send. At
// most kMostAtOnce messages are taken in one go, and none after one that took long, so that neither a flood
// nor the greetings of workers with many entries starve the loop.
//
// A path that somebody removes is made again within seconds, for workers that begin later.
//
// An ipc path that exists is taken over by ZeroMQ without a question: the caller holds the lock of the state
// directory before it makes a Link.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "common/result.h"
#include "proto/control_message.h"

namespace e2k::supervisor {

class Link {
public:
  using Handler = std::function<void(Slot, Generation, WorkerMessage&)>;

  static constexpr int kMostAtOnce = 1000;

  // `path`: of the socket's file, at most 107 bytes long.
  static Result<std::unique_ptr<Link>> make(boost::asio::io_context& loop, const std::string& path,
                                            Handler handler);
  virtual ~Link() = default;

  virtual const std::string& endpoint() const = 0;
  // false: the peer is not there, or its queue is full. Whatever matters is said again.
  virtual bool send(Slot slot, Generation generation, std::string_view bytes) = 0;
};

}  // namespace e2k::supervisor
