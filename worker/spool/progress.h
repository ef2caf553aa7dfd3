// Pure. Steps of what the *publish* thread does for longer than a turn should take: who looks at its turns
// sees that it lives.
#pragma once

#include <atomic>
#include <cstdint>

namespace e2k::spool {

inline std::atomic<uint64_t> progress{0};

inline void note_progress() {
  progress.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace e2k::spool
