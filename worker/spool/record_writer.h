// Shell. Puts records into a segment. No lock and no decision: the caller has made room and orders the
// writes.
//
// A record is there for readers from the moment its length is stored, which is the last thing that commit()
// does to it; a process that dies before leaves nothing. Nothing allocates, blocks or throws.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "worker/spool/record.h"
#include "worker/spool/segment.h"

namespace e2k::spool {

// What a CHANNEL record says of an entry.
struct EntryNames {
  std::string_view topic;
  std::string_view channel;
  std::string_view key;  // empty: the channel's name

  uint64_t bytes() const { return topic.size() + channel.size() + key.size(); }
  uint64_t units() const { return units_of(sizeof(ChannelRecord) + bytes()); }
};

// Makes the record of `length` bytes at `unit` visible. Position and checksum stand in it already.
void commit(Segment& segment, uint64_t unit, uint32_t length) noexcept;
// Writes and commits a CHANNEL record; it takes names.units().
void describe(Segment& segment, uint64_t unit, uint32_t index, const EntryNames& names) noexcept;
// The mark behind the last record; nothing where there is no room for it.
void end_segment(Segment& segment, uint64_t unit) noexcept;
// An EVENT or ERROR record of any segment once more, under its new place; it takes record.units.
void copy_record(Segment& segment, uint64_t unit, const RecordView& record) noexcept;

}  // namespace e2k::spool
