// Shell. The log that a worker appends to: a Log, the segments that are ready for it, and the keeper thread
// that has them ready before they are needed.
//
// Who does what: the *appender* (under the intake's lock) takes a ready segment when the active one is full;
// the *publisher* reads, settles, takes segments out of the log and gives them back; the *keeper* makes,
// reuses and removes files, faults in a little ahead of the appender, and writes to the disk, so that no one
// else ever waits for the disk. The three meet under one mutex that is held for moving pointers only.
//
// The appender waits for nobody. Without a ready segment roll() returns nullptr and refusal() says what to
// count. A burst can come faster than the keeper makes files: what is ready at any time takes it up, and each
// time that hardly any is left the keeper has twice as many ready, up to a quarter of the share, for as long
// as bursts come. A segment that is ready costs room on the disk and no memory, and of what was appended
// slowly the keeper lets go of the memory, all but the last megabyte: the pages are the file's then, and no
// worker's.
//
// A full disk, a full share or an error of the file system is a state (room_line.h: when it is told in the
// log); the keeper tries again every half second. How much the slot's other logs take of its share is told by
// take_elsewhere().
//
// Durability: a log survives the death of every process at once. Against the death of the machine it is as
// safe as what was written back: every `sync_interval_ms` (0: as the kernel does, by default half a minute),
// with the time of the last one in the ledger. A thread of its own does that: a disk that takes its time
// holds up nobody.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
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
#include "worker/spool/log.h"
#include "worker/spool/room_line.h"

namespace e2k::spool {

struct LiveLogOptions {
  std::string spool;      // the folder of all logs
  std::string directory;  // of this one; made, must not hold a log yet
  Slot slot;
  Generation generation;
  uint64_t max_bytes = uint64_t{1} << 30;  // the slot's share at first: files of all its logs together
  uint64_t keep_free_bytes = 0;            // left on the file system
  uint64_t max_event_bytes = 8u << 20;
  uint64_t segment_bytes = 16u << 20;  // data; enlarged where max_event_bytes needs it
  size_t spares = 3;                   // ready at the least
  bool drop_newest = false;            // what is lost for want of room is lost as configured
  int64_t sync_interval_ms = 0;
  // Writes back what the log's records need to be understood: before each time that they are.
  std::function<Result<void>()> sync_first = nullptr;
};
// The names that describe an entry are limited so that a segment has room for them and an event.
inline constexpr uint64_t kMaxKeyBytes = 16384;

class LiveLog {
public:
  // Whether such a log is possible at all; the error names the setting and the remedy.
  static Result<void> judge(const LiveLogOptions& options);
  // With options that judge() lets pass. `books` gets the size of the files; it outlives the log.
  static Result<std::unique_ptr<LiveLog>> create(const LiveLogOptions& options, ledger::Header& books);
  ~LiveLog();

  // --- appender
  Segment& active() const { return *active_; }
  // A ready segment becomes the active one; nullptr: there is none.
  Segment* roll();
  ledger::LossReason refusal() const;
  // Add to a monotonic time to get the real time; refreshed by the keeper twice a second.
  int64_t real_offset_ns() const { return real_offset_ns_.load(std::memory_order_relaxed); }
  // Where the appender is, for who faults in and writes back; after an append, when it pleases.
  void tell_head(uint64_t unit) { head_unit_.store(unit, std::memory_order_relaxed); }

  // The slot's share from now on. Segments keep their size, and what is there beyond it stays until it is
  // settled or has to make room. Any thread.
  void set_max_bytes(uint64_t bytes);
  uint64_t max_bytes() const { return max_bytes_.load(std::memory_order_relaxed); }
  uint64_t segment_file_bytes() const { return Segment::file_bytes_for(options_.segment_bytes); }
  // Files of its own in which something stands.
  uint64_t used_bytes() const;

  // --- publisher
  Log& log() { return *log_; }
  // Whether the segment is the appender's, which can't be taken out however settled it is.
  bool is_active(const Segment& segment) const {
    return segment.number() == active_number_.load(std::memory_order_acquire);
  }
  // A segment that was taken out of the log: it is used again, or removed.
  void give_back(std::shared_ptr<Segment> segment);
  // No new segment can be made, and less than one and a half are left to write to: somebody has to make room.
  bool is_short() const;
  // Files of this slot's other logs. Where they have become less the log is not short before its keeper has
  // seen what that makes room for.
  void take_elsewhere(uint64_t bytes);
  // Whether the share lets the slot's other logs grow by so much. By one segment it may be exceeded for a
  // moment: what is moved there makes a segment free, which is removed then.
  bool lets_grow(uint64_t bytes) const;

  // Ends the threads and removes the whole folder; only when nothing waits and nothing is appended any more.
  Result<void> remove_log();

  RoomState state() const { return state_.load(std::memory_order_relaxed); }
  uint64_t max_event_bytes() const { return options_.max_event_bytes; }
  const LiveLogOptions& options() const { return options_; }

private:
  LiveLog(const LiveLogOptions& options, ledger::Header& books);
  Result<void> start();
  void keep();
  void keep_one_turn(std::unique_lock<std::mutex>& lock);
  // One more ready segment, out of a settled one or from the disk. Without the mutex.
  struct Made {
    RoomState state = RoomState::ok;
    std::shared_ptr<Segment> segment;
    std::string why;
  };
  Made make_one_more(std::shared_ptr<Segment> settled, uint64_t number, uint64_t bytes_on_disk);
  Result<std::shared_ptr<Segment>> make_ready(std::shared_ptr<Segment> settled, uint64_t number);
  uint64_t share() const;
  RoomState room_for_one_more(uint64_t bytes_on_disk) const;
  void enter(Made& made);
  // Writes to the log: not under the mutex.
  void tell_of_room();
  void adapt_spares(bool quiet_turn);
  void follow_appender();
  void let_go_behind(Segment& segment, uint64_t upto_unit);
  void let_go_ahead(Segment& active, uint64_t from_unit);
  void write_back();
  void write_back_once();
  void stop_threads();
  void refresh_clock();
  void count_bytes();

  const LiveLogOptions options_;
  std::atomic<uint64_t> max_bytes_;
  ledger::Header& books_;
  LogIdentity identity_;
  std::unique_ptr<Log> log_;
  Segment* active_ = nullptr;  // the appender's own
  std::atomic<uint64_t> active_number_{0};
  std::atomic<uint64_t> head_unit_{0};
  std::atomic<int64_t> real_offset_ns_{0};
  std::atomic<RoomState> state_{RoomState::ok};
  std::atomic<uint64_t> elsewhere_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  size_t wanted_ready_ = 0;
  size_t most_ready_ = 0;
  int quiet_turns_ = 0;
  std::deque<std::shared_ptr<Segment>> ready_;     // empty, numbers go on from the active one's
  std::vector<std::shared_ptr<Segment>> settled_;  // given back
  uint64_t next_number_ = 1;
  uint64_t files_ = 0;
  uint64_t freed_ = 0, judged_ = 0;  // times that other logs became less; of them, those the keeper has seen
  bool ending_ = false;
  // The keeper's: where the appender was at its last turn, and upto where memory was let go behind it.
  uint64_t last_number_ = 0, last_head_ = 0, let_go_unit_ = 0;
  int slow_turns_ = 0;
  RoomLine room_line_;
  std::string why_failing_;
  // The writer-back's: by segment, the unit up to which it was written.
  std::map<uint64_t, uint64_t> written_back_;
  bool write_back_fails_ = false;
  std::thread keeper_, writer_back_;
};

}  // namespace e2k::spool
