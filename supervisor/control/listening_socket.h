// Shell. Makes the sockets that the control surface listens on; all non-blocking and close-on-exec.
//
// A Unix socket's path: missing folders are made; a socket that nobody answers on is left from a crash and
// replaced; one that somebody answers on is never taken. The mode is set between bind and listen, so that
// nobody can connect under a wider one. A socket is removed at the end only if the path still holds ours.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "common/fd.h"
#include "common/result.h"

namespace e2k::supervisor {

// Owns the descriptor and the name in the file system.
class UnixListener {
public:
  // `key` is the setting's name, for messages.
  static Result<UnixListener> open(const std::string& key, const std::string& path, mode_t mode);
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();
  int fd() const { return fd_.get(); }
  // The path still leads to it.
  bool is_there() const;

private:
  UnixListener() = default;
  UniqueFd fd_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// "host:port", "[::1]:port", port 0: any free one.
Result<UniqueFd> listen_tcp(const std::string& key, const std::string& address);
// The local port of a TCP socket; 0 if there is none.
uint16_t port_of(int fd);

}  // namespace e2k::supervisor
