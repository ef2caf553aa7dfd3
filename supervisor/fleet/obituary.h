// Pure. What a worker's death tells: how it ended, in its own words where it left some, and what its threads
// were at work on.
//
// A worker that leaves writes why into its ledger first; one that is killed by a signal does not, but its
// flight words stand (proto/ledger_format.h). Both are of use only where the ledger is that generation's: one
// that died before it had opened its books left nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "proto/ledger_format.h"

namespace e2k::supervisor {

enum class ExitCause { none, crash, exit, hang, requested, launch_failed };
const char* to_string(ExitCause cause);  // crash, exit, hang, request, launch

// A thread that was at work on an entry; `position` and `log` are the publisher's: the record it had at hand.
struct AtWork {
  ledger::Thread thread;
  EntryIndex entry;
  uint64_t position = 0, log = 0;
  friend bool operator==(const AtWork&, const AtWork&) = default;
};

struct Obituary {
  Slot slot;
  Generation generation;
  ExitCause cause = ExitCause::none;
  std::optional<int> signal;    // that ended it
  std::string how;              // in words
  std::vector<AtWork> at_work;  // of the thread that crashed, where that is known
};

// In place of a wait status: of a process that was not our child. It is neither WIFEXITED nor WIFSIGNALED.
inline constexpr int kEndNotKnown = 0x7f;
// In place of kEndNotKnown: how it left, or crashed, by its own books. kEndNotKnown where they don't say.
int end_by_books(const ledger::Header& header);

// "exit 78: refused its settings (…)", "signal 11 (SIGSEGV), core dumped". `words`: the worker's own, or "".
std::string how_it_ended(int wait_status, std::string_view words);
// What the worker wrote before it left; "" where it did not come to that.
std::string last_words(const ledger::Header& header);
std::vector<AtWork> at_work(const ledger::Header& header);

// `wait_status`: none where it could not be launched. `header`: of its ledger; null where there is none.
Obituary obituary_of(Slot slot, Generation generation, ExitCause cause, std::string how,
                     std::optional<int> wait_status, const ledger::Header* header);

}  // namespace e2k::supervisor
