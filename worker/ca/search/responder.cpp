#include "worker/ca/search/responder.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace e2k::worker::search {
namespace {

constexpr int kBufferBytes = 4 << 20;

}  // namespace

Result<std::unique_ptr<Responder>> Responder::open() {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(std::string("no UDP socket for libca's searches: ") + std::strerror(errno));
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0)
    return fail(std::string("no UDP port on 127.0.0.1 for libca's searches: ") + std::strerror(errno));
  return std::unique_ptr<Responder>(new Responder(std::move(socket), ntohs(address.sin_port)));
}

void Responder::turn(const Lookup& lookup) {
  std::array<std::byte, 65536> buffer;
  for (int n = 0; n < kMaxDatagramsATurn; ++n) {
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t bytes = recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
    if (bytes < 0 && errno == EAGAIN) return;
    if (bytes < 0) continue;
    decode_requests({buffer.data(), static_cast<size_t>(bytes)}, requests_);
    ReplyBuilder reply(requests_);
    const auto send = [&] {
      sendto(socket_.get(), reply.bytes().data(), reply.bytes().size(), 0,
             reinterpret_cast<const sockaddr*>(&from), from_size);
      reply = ReplyBuilder(requests_);
    };
    for (const SearchRequest& request : requests_.names) {
      const auto answer = lookup(request.name);
      if (!answer) continue;
      if (reply.add(request.id, answer->server, answer->minor_version)) continue;
      send();
      reply.add(request.id, answer->server, answer->minor_version);
    }
    if (!reply.empty()) send();
  }
}

}  // namespace e2k::worker::search
