// Shell. A slot's logs and books in a child process that dies behind its Nth store, and what must hold of
// what it leaves.
//
// Each event has a serial number as its value. The child tells over shared memory what it began and what it
// finished; the parent opens the files again, lets recovery mend the books, and holds both against each
// other: nothing that was appended is missing, nothing waits twice (as original and copy), nothing is settled
// and waits, and the lines and sums say the same as the logs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/spool/spool_fixture.h"
#include "worker/spool/aside_logs.h"

namespace e2k::worker {

inline constexpr uint32_t kSerials = 8192;
inline constexpr uint32_t kCrashEntries = 4;

struct Told {
  enum Step : uint8_t { no, begun, done };
  std::atomic<uint8_t> appended[kSerials];
  std::atomic<uint8_t> settled[kSerials];
  std::atomic<uint8_t> entry[kSerials];
  std::atomic<uint32_t> serials;
  std::atomic<uint64_t> stores;
  // Settled also by who does not tell: the books are believed then.
  std::atomic<bool> settles_untold;
};

struct WaitingEvent {
  spool::StandingRecord record;
  uint32_t serial;
};

// In the child: generation 1 of slot 0, and what it does, told as it goes.
class CrashWorld {
public:
  CrashWorld(const std::string& folder, Told& told, uint64_t die_at, size_t spares);

  // From here on it may die.
  void trace();
  // `elements` doubles; 0: an error record.
  uint32_t append(uint32_t entry, size_t elements = 1);
  // Up to where the next event of that size goes into another segment.
  void fill_segment(uint32_t entry, size_t elements = 1);
  // What waits in the live log, as far as it is there.
  std::vector<WaitingEvent> read();
  // 0: acknowledged, 1: lost, 2: coalesced.
  void settle(const WaitingEvent& which, int how);
  void settle_all();
  spool::AsideLogs& aside();
  WaitingEvent move(const WaitingEvent& which);
  // Nothing more is traced, and nothing taken down.
  [[noreturn]] void finish();
  // A thread beside this one gets there, or the time is over.
  static void wait_until(const std::function<bool()>& done);
  static std::string topic_of(uint32_t entry);

  const std::string folder;
  Told& told;
  LogUnderTest log;
  spool::Settler settler;

private:
  const uint64_t die_at_;
  std::vector<IntakeEntry*> entries_;
  std::unique_ptr<spool::AsideLogs> aside_;
};

struct CrashPlan {
  std::function<void(CrashWorld&)> what = {};
  // At so many of its stores at the most; all, if there are no more.
  uint64_t most_deaths = 1000;
  // Recovery dies as well, behind each of its stores.
  bool recovery_dies = false;
  // Segments that are ready from the start.
  size_t spares = 3;
};
void die_everywhere(const CrashPlan& plan);

// What holds of a folder that a process left.
void expect_balance(const std::string& folder, const Told& told);

}  // namespace e2k::worker
