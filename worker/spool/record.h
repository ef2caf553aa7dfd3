// Pure. Reads one record of a segment's data, trusting nothing: lengths, kinds and counts are checked against
// the segment's bounds and the checksum before anything is handed out.
//
// May run beside the appender on the same mapping: `length` is read first with acquire, and what it covers
// does not change until the segment is reused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proto/spool_format.h"

namespace e2k::spool {

// A segment's data as it lies in memory; `data` is aligned to a unit.
struct SegmentView {
  uint64_t number = 0;
  const std::byte* data = nullptr;
  uint64_t units = 0;
};

// Elements of a DBR type in bytes; 0 for a number that is none.
constexpr size_t dbr_element_bytes(uint8_t dbr_type) {
  constexpr size_t sizes[] = {40, 2, 4, 2, 1, 4, 8};
  return dbr_type < sizeof sizes / sizeof sizes[0] ? sizes[dbr_type] : 0;
}
constexpr uint64_t units_of(uint64_t bytes) {
  return (bytes + kUnitBytes - 1) / kUnitBytes;
}
uint32_t record_checksum(uint64_t segment, uint32_t length, const RecordHeader* record);

struct RecordView {
  Position position;
  const RecordHeader* header = nullptr;
  uint64_t units = 0;

  bool is_event() const { return header->kind == RecordKind::event || header->kind == RecordKind::error; }
  const EventRecord& event() const { return *reinterpret_cast<const EventRecord*>(header); }
  // EVENT and ERROR: what follows the EventRecord.
  std::span<const std::byte> value() const;
  // CHANNEL:
  std::string_view topic() const;
  std::string_view channel() const;
  size_t names_bytes() const { return header->count; }  // of all three, unseparated from topic() on
  std::string_view key() const;                         // the channel's name where none was commanded
};

enum class ReadOutcome {
  record,          // `view` holds it
  nothing_yet,     // the log ends here, for now
  end_of_segment,  // it goes on in the next number
  damaged,         // something stands here that is no record of this segment
};

// The record at `unit`. `view` is written only with ReadOutcome::record.
ReadOutcome read_record(const SegmentView& segment, uint64_t unit, RecordView& view);
// Likewise, of a record that read_record has handed out before, or of the end mark behind such records: only
// what steers the reading on is looked at.
ReadOutcome read_again(const SegmentView& segment, uint64_t unit, RecordView& view);

}  // namespace e2k::spool
