// Shell. Whether the user wants it to end: Ctrl-C or SIGTERM, since this was made. One at a time.
#pragma once

#include <csignal>

namespace e2k::supervisor::ctl {

class Interruption {
public:
  Interruption() {
    came_ = 0;
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { came_ = 1; });
  }
  bool came() const { return came_ != 0; }

private:
  static inline volatile std::sig_atomic_t came_ = 0;
};

}  // namespace e2k::supervisor::ctl
