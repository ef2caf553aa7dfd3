// Shell. A lock for a few dozen instructions of the path of an event, where two threads all but never meet:
// taking it costs one locked instruction, giving it back none. Who finds it taken yields.
#pragma once

#include <atomic>
#include <thread>

namespace e2k::worker {

class SpinLock {
public:
  void lock() noexcept {
    while (flag_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() noexcept { flag_.clear(std::memory_order_release); }

private:
  std::atomic_flag flag_;
};

}  // namespace e2k::worker
