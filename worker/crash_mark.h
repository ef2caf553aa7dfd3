// Shell. Which thread a crash was in, for who reads the ledger afterwards: several threads may be at work on
// an entry at that moment, and only one of them died over its own.
//
// A thread says which one it is when it sets its flight word for the first time; those of libca and
// librdkafka that never do are "elsewhere". A signal that another process sends is no crash of the thread
// that happens to get it: nothing is marked.
#pragma once

#include <atomic>
#include <cstdint>

#include "proto/ledger_format.h"

namespace e2k::worker {

inline thread_local uint8_t crash_mark = ledger::kCrashedElsewhere;

inline void work_as(ledger::Thread thread) noexcept {
  crash_mark = static_cast<uint8_t>(static_cast<uint32_t>(thread) + 1);
}

// From now on a crash is marked there; the ledger must stay mapped. A handler that somebody else has stays.
void mark_crashes_in(ledger::Header& books);

}  // namespace e2k::worker
