// What a benchmark sees and says on the wire of Channel Access: a port that counts searches and may answer
// them, a TCP port that nobody can connect to, a count of who tried, and a sender of beacons. Loopback only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "common/fd.h"
#include "worker/ca/search/codec.h"

namespace e2k::bench {

// A UDP port in the address list, with a thread of its own. `answered`: names with this prefix are answered,
// naming the same number as TCP port; empty: none.
class SearchPort {
public:
  explicit SearchPort(std::string_view answered = {});
  ~SearchPort();
  uint16_t port() const { return port_; }
  std::atomic<size_t> frames{0};     // datagrams that hold a search
  std::atomic<size_t> names{0};      // searches in them
  std::atomic<size_t> with_dead{0};  // frames in which a dead name stands

private:
  void run();
  void take(const char* bytes, size_t size, const void* sender, uint32_t sender_size);
  const std::string_view answered_;
  UniqueFd socket_;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Holds a TCP port without ever accepting: nobody listens (ECONNREFUSED), or the queue of those who wait to
// be accepted is full, so that the kernel drops every further SYN and a connect hangs.
class DeafPort {
public:
  enum class Manner : uint8_t { refuses, never_accepts };
  DeafPort(uint16_t port, Manner manner);

private:
  UniqueFd socket_, in_the_queue_;
};

// Connections that were tried to a TCP port, whatever became of them: a SYN, once for each of its clients'
// ports. Needs the right to open a raw socket; available() is false without it.
class Attempts {
public:
  explicit Attempts(uint16_t port);
  bool available() const { return bool(socket_); }
  size_t count();

private:
  UniqueFd socket_;
  std::set<uint16_t> seen_;
};

struct BeaconPlan {
  std::vector<worker::search::ServerAddress> servers;  // each has its turn
  double per_second = 0;
  bool jumping_back = false;  // each number far below the last, as if the server had just come up
};

class BeaconSender {
public:
  BeaconSender(uint16_t repeater_port, BeaconPlan plan);
  ~BeaconSender();

private:
  void run();
  const BeaconPlan plan_;
  const uint16_t repeater_port_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace e2k::bench
