// Shell. Ends this process behind the Nth store into the mapped files of a folder.
//
// A process can die between any two stores, and what it stored stays in its files. To play that for every
// store, the files' pages are made read-only: a store faults, its page is opened, the processor's trap flag
// lets that one instruction through, and the trap behind it counts and closes the page again. What is done
// to the files themselves (made, renamed, removed) counts as a store too, and the process dies before it.
//
// Where that is not possible (another processor than x86-64) is_possible() says so. All threads of the
// process are traced. Nothing of a sanitizer's runtime is called in between.
#pragma once

#include <cstdint>
#include <string>

namespace e2k::testing {

inline constexpr int kDiedAsTold = 99;  // the process's exit code

class StoreTrace {
public:
  static bool is_possible();
  // From here on. `die_at` 0: only counts.
  static void begin(const std::string& folder, uint64_t die_at);
  // Stops counting and says how many there were.
  static uint64_t end();
};

}  // namespace e2k::testing
