// Shell. What libca complains of in a line of text and nowhere else, without naming server or channel: that a
// circuit could not be opened, and that a channel's native type is none (then it gives up the circuit). Any
// thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace e2k::worker::ca {

class ConnectFailures {
public:
  void note(std::string reason) {
    const std::lock_guard lock(mutex_);
    ++count_;
    reason_ = std::move(reason);
  }
  uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  void note_bad_type() {
    const std::lock_guard lock(mutex_);
    ++bad_types_;
  }
  uint64_t bad_types() const {
    const std::lock_guard lock(mutex_);
    return bad_types_;
  }
  // The system's words for the last one, "Connection refused".
  std::string reason() const {
    const std::lock_guard lock(mutex_);
    return reason_;
  }

private:
  mutable std::mutex mutex_;
  uint64_t count_ = 0, bad_types_ = 0;
  std::string reason_;
};

}  // namespace e2k::worker::ca
