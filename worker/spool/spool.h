// Shell. One generation's log: its folder, its segments, its cursor, and the keeper thread that has the next
// segment ready before it is needed.
//
// Who does what: the *appender* (under the intake's lock) takes a ready segment when the active one is full;
// the *publisher* looks segments up, settles records, moves the cursor and gives settled segments back; the
// *keeper* makes, reuses and removes files, so that no one else ever waits for the disk. The three meet under
// one mutex that is held for moving pointers only. A segment that was handed out stays where it is until the
// publisher gives it back.
//
// A full disk, a full share or an error of the file system is a state, told once in the log; the keeper tries
// again every half second. Without a ready segment roll() returns nullptr and refusal() says what to count.
//
// A burst can come faster than the keeper makes files. Then roll() waits for it, for kLongestWait at the
// most: an IOC that has to wait a moment is better than an event that is lost. And each time that none is
// left the keeper has twice as many ready, up to a quarter of the share, for as long as bursts come. Settled
// segments are kept for reuse as well: a file that is there need not be reserved and faulted in again.
//
// Durability: a log survives the death of every process at once. Against the death of the machine it is as
// safe as the kernel's write-back makes it (dirty_expire_centisecs, by default half a minute).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "proto/ledger_format.h"
#include "proto/spool_format.h"
#include "worker/spool/segment.h"

namespace e2k::spool {

struct SpoolOptions {
  std::string directory;  // of this log; made, must not hold a log yet
  Slot slot;
  Generation generation;
  uint64_t max_bytes = uint64_t{1} << 30;  // files of this log together
  uint64_t keep_free_bytes = 0;            // left on the file system
  uint64_t max_event_bytes = 8u << 20;
  uint64_t segment_bytes = 16u << 20;  // data; enlarged where max_event_bytes needs it
  uint64_t bytes_elsewhere = 0;        // of max_bytes, used already by this slot's older logs
  size_t spares = 3;                   // ready at the least
};
// The names that describe an entry are limited so that a segment has room for them and an event.
inline constexpr uint64_t kMaxKeyBytes = 16384;

enum class SpoolState {
  ok,
  full,       // the log's share of spool.max_total_bytes is used up
  disk_full,  // the file system would fall below spool.keep_free_bytes
  failing,    // the file system refuses
};

class Spool {
public:
  static constexpr auto kLongestWait = std::chrono::milliseconds(50);

  // `books` gets the size of the files; it outlives the spool.
  static Result<std::unique_ptr<Spool>> create(const SpoolOptions& options, ledger::Header& books);
  ~Spool();

  // --- appender
  Segment& active() const { return *active_; }
  // A ready segment becomes the active one; nullptr: there is none, and none came within kLongestWait (which
  // is not waited for where the keeper can make none).
  Segment* roll();
  ledger::LossReason refusal() const;
  // Add to a monotonic time to get the real time; refreshed by the keeper twice a second.
  int64_t real_offset_ns() const { return real_offset_ns_.load(std::memory_order_relaxed); }

  // --- publisher
  // The segment of that number if it is part of the log now, else nullptr.
  Segment* find(uint64_t number) const;
  // Everything before `position` is settled: the cursor says so, and segments wholly behind it may be reused.
  void settled_upto(Position position);
  Position cursor() const;

  // Ends the keeper and removes the whole folder; only when nothing waits and nothing is appended any more.
  Result<void> remove_log();

  SpoolState state() const { return state_.load(std::memory_order_relaxed); }
  uint64_t max_event_bytes() const { return options_.max_event_bytes; }
  const std::string& directory() const { return options_.directory; }

private:
  struct Work;
  Spool(const SpoolOptions& options, ledger::Header& books);
  Result<void> start();
  Result<void> make_cursor();
  void keep();
  void keep_one_turn(std::unique_lock<std::mutex>& lock);
  // One more ready segment, out of a settled one or from the disk. Without the mutex.
  Result<std::unique_ptr<Segment>> make_ready(std::unique_ptr<Segment> settled, uint64_t number);
  SpoolState room_for_one_more(uint64_t bytes_on_disk) const;
  // Changes the state; what is to be logged, once the mutex is free.
  struct Told {
    SpoolState state;
    std::string why;
  };
  std::optional<Told> enter(SpoolState state, std::string why);
  void tell(const Told& told) const;
  void adapt_spares(bool quiet_turn);
  uint64_t share() const;
  void stop_keeper();
  void refresh_clock();
  void count_bytes();

  const SpoolOptions options_;
  ledger::Header& books_;
  LogIdentity identity_;
  CursorFile* cursor_ = nullptr;
  Segment* active_ = nullptr;  // the appender's own
  std::atomic<int64_t> real_offset_ns_{0};
  std::atomic<SpoolState> state_{SpoolState::ok};

  mutable std::mutex mutex_;
  std::condition_variable wake_;      // the keeper's
  std::condition_variable is_ready_;  // the appender's
  size_t wanted_ready_ = 0;
  size_t most_ready_ = 0;
  int quiet_turns_ = 0;
  std::deque<std::unique_ptr<Segment>> live_;      // in use, numbers without a gap
  std::deque<std::unique_ptr<Segment>> ready_;     // empty, numbers go on from live_
  std::vector<std::unique_ptr<Segment>> settled_;  // given back
  uint64_t next_number_ = 1;
  uint64_t files_ = 0;
  bool ending_ = false;
  std::thread keeper_;
};

}  // namespace e2k::spool
