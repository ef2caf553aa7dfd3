#include "worker/ca/search/name_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/log.h"

namespace e2k::worker::search {
namespace {

constexpr int64_t kConnectTimeoutNs = 5 * kNsPerSecond, kMaxRetryNs = 15 * kNsPerSecond;
// A server that vanished without a word is noticed after so long, waiting for an answer or idle: the kernel's
// own patience is a quarter of an hour, and meanwhile every search would go nowhere.
constexpr int kUnansweredMs = 30000, kIdleBeforeProbeS = 15, kProbeEveryS = 5;

void notice_silence(int socket) {
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnansweredMs, sizeof kUnansweredMs);
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kIdleBeforeProbeS, sizeof kIdleBeforeProbeS);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kProbeEveryS, sizeof kProbeEveryS);
}

std::string greeting() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const passwd* user = getpwuid(geteuid());
  return circuit_greeting(user ? user->pw_name : "nobody", host.data());
}

}  // namespace

bool NameServer::turn(MonotonicNs now, Received& out) {
  if (state_ == State::down) {
    if (now < next_try_) return false;
    connect(now);
  }
  bool came_up = false;
  if (state_ == State::connecting) {
    finish_connect(now);
    came_up = state_ == State::up;
  }
  if (state_ != State::up) return came_up;
  std::array<std::byte, 16384> buffer;
  while (true) {
    const ssize_t n = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (n <= 0) {
      close(now, n == 0 ? "closed by the server" : std::strerror(errno));
      return false;
    }
    if (!decoder_.feed({buffer.data(), static_cast<size_t>(n)}, out)) {
      close(now, "its stream is not Channel Access");
      return false;
    }
  }
  if (!write_some()) close(now, std::strerror(errno));
  return came_up && up();
}

void NameServer::connect(MonotonicNs now) {
  socket_.reset(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(address_.ip);
  to.sin_port = htons(address_.port);
  const int yes = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  notice_silence(socket_.get());
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) < 0 && errno != EINPROGRESS) {
    close(now, std::strerror(errno));
    return;
  }
  state_ = State::connecting;
  next_try_ = MonotonicNs{now.value + kConnectTimeoutNs};
}

void NameServer::finish_connect(MonotonicNs now) {
  pollfd p{socket_.get(), POLLOUT, 0};
  if (poll(&p, 1, 0) <= 0) {
    if (now >= next_try_) close(now, "no answer to connect");
    return;
  }
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    close(now, std::strerror(error));
    return;
  }
  state_ = State::up;
  told_down_ = false;
  retry_ns_ = kNsPerSecond;
  decoder_ = StreamDecoder(address_);
  unsent_ = greeting();
  log::info("name_server.up server={}", to_string(address_));
}

void NameServer::close(MonotonicNs now, const char* reason) {
  if (!told_down_)
    log::warn("name_server.down server={} reason={}", to_string(address_), log::quoted(reason));
  told_down_ = true;
  socket_.reset();
  unsent_.clear();
  state_ = State::down;
  next_try_ = MonotonicNs{now.value + retry_ns_};
  retry_ns_ = std::min(retry_ns_ * 2, kMaxRetryNs);
}

void NameServer::send(std::span<const std::byte> frame) {
  if (!up() || unsent_.size() + frame.size() > kMaxUnsentBytes) return;
  unsent_.append(reinterpret_cast<const char*>(frame.data()), frame.size());
  write_some();  // an error shows again at the next turn's read
}

bool NameServer::write_some() {
  while (!unsent_.empty()) {
    const ssize_t n = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    unsent_.erase(0, static_cast<size_t>(n));
  }
  return true;
}

std::optional<pollfd> NameServer::poll_on() const {
  switch (state_) {
    case State::down:
      return std::nullopt;
    case State::connecting:
      return pollfd{socket_.get(), POLLOUT, 0};
    case State::up:
      return pollfd{socket_.get(), static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
  }
  return std::nullopt;
}

}  // namespace e2k::worker::search
