// Shell. A place in a log, moving forward over its segments.
//
// One thread, the publisher's. The segment that it stands on must not leave the log.
//
// A log that nobody appends to any more is `closed`: where a segment simply ends (its writer died), reading
// goes on in the next one.
#pragma once

#include "worker/spool/log.h"
#include "worker/spool/record.h"

namespace e2k::spool {

class LogReader {
public:
  LogReader(Log& log, bool closed) : log_(&log), closed_(closed) {}

  // To the first record at `position` or behind it.
  void seek(Position position) {
    segment_ = log_->from(position.segment());
    unit_ = segment_ != nullptr && segment_->number() == position.segment() ? position.unit() : 0;
  }
  // nullptr: the log is empty, or was when it was last looked at.
  Segment* segment() const { return segment_; }
  uint64_t unit() const { return unit_; }
  // Of what is read next; where the log is empty, the first place of all.
  Position position() const {
    return segment_ == nullptr ? Position{} : Position::at(segment_->number(), unit_);
  }

  // The record at hand, moving over the end of a segment: record, nothing_yet (the log ends here, for now) or
  // damaged (see cut()). It stays at hand until skip(). A segment that was read to its end is marked
  // complete.
  ReadOutcome peek(RecordView& record) {
    for (;;) {
      if (segment_ == nullptr && (segment_ = log_->first()) == nullptr) return ReadOutcome::nothing_yet;
      const bool read_before = unit_ < segment_->use().read_upto;
      auto outcome = read_before ? read_again(segment_->view(), unit_, record)
                                 : read_record(segment_->view(), unit_, record);
      if (outcome == ReadOutcome::nothing_yet && closed_) outcome = ReadOutcome::end_of_segment;
      if (outcome != ReadOutcome::end_of_segment) return outcome;
      segment_->use().complete = true;
      Segment* const next = log_->from(segment_->number() + 1);
      if (next == nullptr) return ReadOutcome::nothing_yet;
      segment_ = next;
      unit_ = 0;
    }
  }
  void skip(const RecordView& record) { unit_ += record.units; }
  // Behind `damaged`: the segment ends here for everybody.
  void cut() {
    segment_->use().damaged = true;
    segment_->cut(unit_);
  }
  // Whether the whole log was read.
  bool at_end() {
    RecordView record;
    return peek(record) == ReadOutcome::nothing_yet;
  }

private:
  Log* log_;
  bool closed_;
  Segment* segment_ = nullptr;
  uint64_t unit_ = 0;
};

}  // namespace e2k::spool
