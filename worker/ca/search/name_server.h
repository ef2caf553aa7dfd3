// Shell. A circuit to one name server (EPICS_CA_NAME_SERVERS), kept up: connecting never blocks, a lost or
// refused circuit is tried again after 1 s, then twice as long, up to 15 s; one whose server fell silent
// counts as lost after 30 s. Frames for a server that is away or does not read (more than kMaxUnsentBytes
// waiting) are dropped: the pacing asks again. One thread.
#pragma once

#include <poll.h>

#include <optional>
#include <string>

#include "common/clock.h"
#include "common/fd.h"
#include "worker/ca/search/codec.h"

namespace e2k::worker::search {

class NameServer {
public:
  explicit NameServer(ServerAddress address) : address_(address), decoder_(address) {}

  // Connects where it is time, reads, writes. True: the circuit came up just now.
  bool turn(MonotonicNs now, Received& out);
  void send(std::span<const std::byte> frame);
  bool up() const { return state_ == State::up; }
  ServerAddress address() const { return address_; }
  std::optional<pollfd> poll_on() const;

private:
  static constexpr size_t kMaxUnsentBytes = 256 << 10;
  enum class State {
    down,        // until next_try_
    connecting,  // until the socket is writable, or next_try_
    up,
  };

  void connect(MonotonicNs now);
  void finish_connect(MonotonicNs now);
  void close(MonotonicNs now, const char* reason);
  bool write_some();

  ServerAddress address_;
  StreamDecoder decoder_;
  UniqueFd socket_;
  State state_ = State::down;
  std::string unsent_;
  MonotonicNs next_try_{0};
  int64_t retry_ns_ = kNsPerSecond;
  bool told_down_ = false;
};

}  // namespace e2k::worker::search
