// Shell. Ports for what a test starts.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdint>
#include <random>
#include <stdexcept>

#include "common/fd.h"

namespace e2k::test {

inline bool is_port_free(int type, uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Free for UDP and TCP just now, and below the ephemeral range: no client's socket takes it while whoever
// serves it is away.
inline uint16_t free_port() {
  std::random_device random;
  std::uniform_int_distribution<int> any(12'000, 31'000);
  for (int tries = 0; tries < 200; ++tries) {
    const auto port = static_cast<uint16_t>(any(random));
    if (is_port_free(SOCK_DGRAM, port) && is_port_free(SOCK_STREAM, port)) return port;
  }
  throw std::runtime_error("no free port was found");
}

}  // namespace e2k::test
