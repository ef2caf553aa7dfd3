// Shell. Settles records: what became of each goes into the settlement map and the ledger, and the cursor
// moves over what is settled without a gap.
//
// One thread, the publisher's. Every settlement is announced in the ledger first, so that a recovery can
// carry it out again (proto/ledger_format.h). A record is settled once; later attempts change nothing.
#pragma once

#include <atomic>
#include <cstdint>

#include "worker/publish/log_follower.h"
#include "worker/spool/ledger.h"
#include "worker/spool/spool.h"

namespace e2k::worker {

// A record that stands in this log. Good until the cursor moves.
struct StandingRecord {
  spool::Segment* segment = nullptr;
  const spool::RecordHeader* header = nullptr;
  explicit operator bool() const { return header != nullptr; }
};

class Settler {
public:
  Settler(spool::Spool& spool, ledger::Ledger& books);

  // Empty when there is no such record in this log (any more).
  StandingRecord find(spool::Position position);
  bool is_settled(spool::Position position);

  // `record` is an event's.
  void acknowledge(StandingRecord record, int32_t partition, int64_t offset, int64_t now_real_ns,
                   int64_t now_monotonic_ns);
  void lose(spool::Position position, ledger::LossReason reason);

  // Moves the cursor, at most to `limit`; true when it moved. `limit` is where the hindmost reader stands:
  // the segment under a reader must not be given back, not even when all of it is settled.
  bool advance_cursor(spool::Position limit);
  spool::Position cursor() const { return cursor_.position(); }
  // Events settled by this generation. Any thread.
  uint64_t settled() const { return settled_.load(std::memory_order_acquire); }

private:
  spool::Segment* segment(uint64_t number);
  // The entry's line, with the map and both counters changed; nullptr when there was nothing to settle.
  ledger::Entry* settle(StandingRecord record, uint8_t settlement);

  spool::Spool& spool_;
  ledger::Ledger& books_;
  ledger::Header& header_;
  LogFollower cursor_;
  spool::Segment* last_used_ = nullptr;
  std::atomic<uint64_t> settled_{0};
};

}  // namespace e2k::worker
