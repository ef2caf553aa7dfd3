#include "supervisor/control/listening_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "common/split.h"

namespace e2k::supervisor {
namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Of the process that listens where the descriptor is connected to.
std::string listener_of(int fd) {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0 || peer.pid <= 0) return "";
  return " (pid " + std::to_string(peer.pid) + ")";
}

// Makes room at `path`, where a former socket may lie.
Result<void> clear_path(const std::string& key, const std::string& path, const sockaddr_un& address) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return fail(key + ": " + path + " can't be looked at: " + reason(errno));
  }
  if (!S_ISSOCK(there.st_mode))
    return fail_lastingly(key + ": " + path + " exists and is not a socket; remove it or name another path");
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int connected = ::connect(probe.get(), generic(address), sizeof address);
  const int error = errno;
  if (connected == 0 || error == EAGAIN || error == EINPROGRESS)
    return fail(key + ": a supervisor" + listener_of(probe.get()) + " already answers on " + path +
                "; stop it, or run this one beside it with --instance NAME");
  if (error != ECONNREFUSED)
    return fail(key + ": can't tell whether somebody answers on " + path + " (" + reason(error) +
                "); remove it if nobody does");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail(key + ": the left-over socket " + path + " can't be removed: " + reason(errno));
  return {};
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

}  // namespace

Result<UnixListener> UnixListener::open(const std::string& key, const std::string& path, mode_t mode) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(key + ": " + path + " has " + std::to_string(path.size()) +
                " bytes; a socket's path has 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1));
  std::error_code error;
  if (const auto folder = std::filesystem::path(path).parent_path(); !folder.empty()) {
    std::filesystem::create_directories(folder, error);
    if (error) return fail(key + ": the folder " + folder.string() + " can't be made: " + error.message());
  }
  const sockaddr_un address = unix_address(path);
  if (auto cleared = clear_path(key, path, address); !cleared) return tl::unexpected(cleared.error());

  UnixListener listener;
  listener.fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd_) return fail(key + ": no socket: " + reason(errno));
  if (::bind(listener.fd(), generic(address), sizeof address) != 0)
    return fail(key + ": can't listen on " + path + ": " + reason(errno));
  struct stat made {};
  if (::lstat(path.c_str(), &made) == 0) {
    listener.path_ = path;
    listener.device_ = made.st_dev;
    listener.inode_ = made.st_ino;
  }
  if (::chmod(path.c_str(), mode) != 0 || ::listen(listener.fd(), SOMAXCONN) != 0)
    return fail(key + ": can't listen on " + path + ": " + reason(errno));
  return listener;
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

bool UnixListener::is_there() const {
  struct stat there {};
  return !path_.empty() && ::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ &&
         there.st_ino == inode_;
}

UnixListener::~UnixListener() {
  if (is_there()) ::unlink(path_.c_str());
}

Result<UniqueFd> listen_tcp(const std::string& key, const std::string& address) {
  const auto [named, number] = split_host_port(address);
  if (named.empty() || number.empty())
    return fail(key + ": " + address + " is not HOST:PORT, as in 127.0.0.1:8083 or [::1]:8083");
  std::string host(named);
  const std::string port(number);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &raw); code != 0)
    return fail(key + ": " + address + " names no address: " + ::gai_strerror(code));
  const std::unique_ptr<addrinfo, FreeAddresses> list(raw);
  UniqueFd fd(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), list->ai_addr, list->ai_addrlen) != 0 || ::listen(fd.get(), SOMAXCONN) != 0)
    return fail(key + ": can't listen on " + address + ": " + reason(errno) +
                "; free it or name another port");
  return fd;
}

uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

}  // namespace e2k::supervisor
