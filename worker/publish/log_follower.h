// Shell. A place in the running log, moving forward over its segments.
//
// Used by the publisher's thread only; the segments it stands on and reads from must not have been given
// back: the cursor, which gives them back, never passes a reader (Settler::advance_cursor).
#pragma once

#include "worker/spool/record.h"
#include "worker/spool/spool.h"

namespace e2k::worker {

class LogFollower {
public:
  static constexpr spool::Position kNoLimit{UINT64_MAX};

  LogFollower(spool::Spool& spool, spool::Position at) : spool_(&spool) { seek(at); }

  void seek(spool::Position at) {
    segment_ = spool_->find(at.segment());
    unit_ = at.unit();
  }
  spool::Position position() const { return spool::Position::at(segment_->number(), unit_); }

  // The record at hand, moving over the end of a segment; never end_of_segment. `record` stays at hand until
  // skip(). nothing_yet at `limit`, also where a segment's end stands there.
  spool::ReadOutcome peek(spool::RecordView& record, spool::Position limit = kNoLimit) {
    return peek_by<spool::read_record>(record, limit);
  }
  // Likewise, for what was peeked at before, by whomever: it is not checked again.
  spool::ReadOutcome peek_again(spool::RecordView& record, spool::Position limit) {
    return peek_by<spool::read_again>(record, limit);
  }
  void skip(const spool::RecordView& record) { unit_ += record.units; }
  bool settled() const { return segment_->settlement(unit_) != 0; }

private:
  template <auto& read>
  spool::ReadOutcome peek_by(spool::RecordView& record, spool::Position limit) {
    for (;;) {
      if (position() >= limit) return spool::ReadOutcome::nothing_yet;
      const auto outcome = read(segment_->view(), unit_, record);
      if (outcome != spool::ReadOutcome::end_of_segment) return outcome;
      spool::Segment* next = spool_->find(segment_->number() + 1);
      if (next == nullptr) return spool::ReadOutcome::nothing_yet;
      segment_ = next;
      unit_ = 0;
    }
  }
  spool::Spool* spool_;
  spool::Segment* segment_ = nullptr;
  uint64_t unit_ = 0;
};

}  // namespace e2k::worker
