// Shell. Appends events to a live log's active segment, one at a time.
//
// No lock of its own: the caller orders the appends. Nothing allocates, blocks or throws. A record is there
// for readers from the moment its length is stored, which is the last thing append() does to it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "worker/spool/live_log.h"
#include "worker/spool/record_writer.h"

namespace e2k::spool {

// The fields of an EVENT or ERROR record.
struct NewEvent {
  RecordKind kind = RecordKind::event;
  uint8_t dbr_type = 0;
  int16_t status = 0;
  int16_t severity = 0;
  uint16_t ordinal = 0;
  uint32_t index = 0;
  uint32_t count = 0;
  uint32_t stamp_seconds = 0;
  uint32_t stamp_nanoseconds = 0;
  int64_t arrival_real_ns = 0;
  int64_t arrival_monotonic_ns = 0;
};

struct Appended {
  Position position;  // 0: not appended, see `reason`
  ledger::LossReason reason = ledger::LossReason::none;
};

class Appender {
public:
  explicit Appender(LiveLog& log) : log_(log), segment_(&log.active()) {}

  // `described_in`: number of the segment that last described the entry, 0 for none; kept up to date here.
  // The value's size is what event.kind, type and count say.
  Appended append(const NewEvent& event, std::span<const std::byte> value, const EntryNames& names,
                  uint64_t& described_in) noexcept;

  // Goes on in the next segment, where there is one: readers can't get over what stands in `number`. Nothing
  // if that is not the active one.
  void leave_segment(uint64_t number) noexcept;
  // Where the next record will begin.
  Position head() const { return Position::at(segment_->number(), unit_); }

private:
  bool make_room(uint64_t units) noexcept;
  bool roll() noexcept;

  LiveLog& log_;
  Segment* segment_;
  uint64_t unit_ = 0;
};

}  // namespace e2k::spool
