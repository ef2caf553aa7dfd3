// Shell. An event descriptor that wakes one sleeping thread; any thread may ring.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "common/fd.h"
#include "common/result.h"

namespace e2k::worker {

class Doorbell {
public:
  static Result<std::unique_ptr<Doorbell>> create() {
    UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) return fail(std::string("no event descriptor: ") + std::strerror(errno));
    return std::unique_ptr<Doorbell>(new Doorbell(std::move(fd)));
  }

  int fd() const { return fd_.get(); }
  void ring() const noexcept {
    const uint64_t one = 1;
    // A full counter (EAGAIN) has rung already.
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
  }
  // Until it has rung or the time is over; forgets all rings.
  void wait(int timeout_ms) const {
    pollfd p{fd_.get(), POLLIN, 0};
    if (::poll(&p, 1, timeout_ms) <= 0) return;
    uint64_t rings;
    [[maybe_unused]] const auto got = ::read(fd_.get(), &rings, sizeof rings);
  }

private:
  explicit Doorbell(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace e2k::worker
