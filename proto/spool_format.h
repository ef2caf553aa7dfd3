// Pure. The bytes of a spool log: what a worker generation received from Channel Access and Kafka has not
// acknowledged.
//
// A log is a folder `<spool>/<slot>.<generation>/` of segment files `<number, 16 hex digits>.seg`. It belongs
// to one worker generation and outlives it. What a blocked topic waits with stands in logs of the same form,
// `<spool>/<slot>.aside/<number>/`, one a topic; they belong to the slot. All integers are in the machine's
// byte order: a log is read on the machine that wrote it (the magic tells).
//
// Segment file:  [SegmentHeader, one page][settlement map][data]
//   data            records, one behind the other, each beginning on a 64-byte unit
//   settlement map  one byte a unit of data; that of a record's first unit says what became of the record
//                   (Settlement). It is written by the publisher only and is zeroed when the file is reused.
//
// Record:  RecordHeader, then what its kind says, padded to whole units. A scalar double event is one unit:
// one cache line. `length` is stored last (release) and read first (acquire): 0 means that nothing has been
// committed here. Before it is stored, the length word behind the record (if the segment has one) is zeroed:
// so the log's end is always a 0, also in a reused file, and its old tail is never looked at. The checksum is
// CRC32C, begun with the length, over the segment's number and the record's bytes behind the checksum, so
// that no record of another segment can pass for one of this.
// A record that does not hold together ends its segment for its readers. When a record does not
// fit into the rest of a segment, a SEGMENT_END record is written (or, where not even that fits, nothing) and
// the log goes on in the next number that there is: a segment whose records are all settled is given back,
// wherever it stands. The settlement maps alone say what waits.
//
// An entry's CHANNEL record precedes its first event in *each* segment, so that a segment stands alone. An
// index never changes its meaning within a log.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/clock.h"
#include "common/ids.h"

namespace e2k::spool {

// Version ledger:   1  first
//                   2  no cursor; numbers have gaps; a settlement that moves
inline constexpr uint32_t kFormatVersion = 2;
inline constexpr uint64_t kSegmentMagic = 0x31474553'4b324531;  // "1E2KSEG1" read as bytes on little-endian
inline constexpr size_t kUnitBytes = 64;
inline constexpr size_t kSegmentHeaderBytes = 4096;

// Which of a slot's logs: its generation, or, of a topic's own, kAsideLog | its number.
using LogId = uint64_t;
inline constexpr LogId kAsideLog = uint64_t{1} << 32;

// Where a record begins: segment number and unit within the segment's data, in one comparable word that fits
// a message's opaque pointer. 0 is no position (segment numbers begin at 1).
struct Position {
  uint64_t word = 0;
  static constexpr int kUnitBits = 24;  // up to 1 GiB of data a segment
  static constexpr Position at(uint64_t segment, uint64_t unit) { return {segment << kUnitBits | unit}; }
  constexpr uint64_t segment() const { return word >> kUnitBits; }
  constexpr uint64_t unit() const { return word & ((uint64_t{1} << kUnitBits) - 1); }
  friend constexpr auto operator<=>(Position, Position) = default;
};

struct SegmentHeader {
  uint64_t magic;
  uint32_t format_version;
  uint32_t header_bytes;  // kSegmentHeaderBytes
  uint64_t number;        // from 1; never reused, also when the file is. Stored last when a file is (re)used.
  uint32_t generation;
  uint16_t slot;
  uint16_t reserved;
  uint8_t boot_id[16];   // /proc/sys/kernel/random/boot_id: monotonic times of another boot mean nothing
  uint64_t data_offset;  // of the first unit, from the file's beginning
  uint64_t data_bytes;   // a multiple of kUnitBytes
  int64_t begun_real_ns;
};
static_assert(sizeof(SegmentHeader) == 72);

// Numbers are given by hand and never used again.
enum class RecordKind : uint8_t {
  channel = 1,      // ChannelRecord: what an index means
  event = 2,        // EventRecord: one monitor event
  error = 3,        // EventRecord with the error's text as value: Disconnected, Never Connected, …
  segment_end = 4,  // only the header: the log goes on in the next segment
  // 5 .. 15 are kept for handover: hold begins, ACTIVATE, coalescing marks. A reader passes over a kind that
  // it does not know, by its length.
};

// What became of a record, in the settlement map. A record whose byte is 0 is waiting.
enum class Settlement : uint8_t {
  waiting = 0,
  acknowledged = 1,
  coalesced = 2,
  moved = 3,  // it goes on waiting, as a copy in its topic's own log; no counter changes
  lost = 16,  // 16 + LossReason (proto/ledger_format.h)
};

struct RecordHeader {
  uint32_t length;  // of the whole record in bytes, without padding; stored last; 0: not committed
  uint32_t crc32c;
  uint64_t position;
  RecordKind kind;
  uint8_t dbr_type;  // native DBR_* number (db_access.h): STRING 0, SHORT 1, FLOAT 2, ENUM 3, CHAR 4, LONG 5,
                     // DOUBLE 6
  int16_t status;
  int16_t severity;
  // EVENT and ERROR: low 16 bits of the entry's CaLine::appended with this record counted. It tells a
  // recovery whether the one record that may be uncounted is. CHANNEL: 0.
  uint16_t ordinal;
  uint32_t index;  // EntryIndex
  uint32_t count;  // EVENT: elements; ERROR: bytes of text; CHANNEL: bytes of all three names
};
static_assert(sizeof(RecordHeader) == 32);

// EVENT and ERROR. The value follows: `count` native elements without padding between them (a STRING element
// is 40 bytes, as in Channel Access), or the text. It begins 8-byte aligned.
struct EventRecord {
  RecordHeader header;
  // The IOC's, since 1990; 0 with nanoseconds 0: never processed. ERROR: that of the entry's last event
  // before, 0 where there was none in this generation.
  uint32_t stamp_seconds;
  uint32_t stamp_nanoseconds;
  int64_t arrival_real_ns;
  int64_t arrival_monotonic_ns;
};
static_assert(sizeof(EventRecord) == 56);

// CHANNEL. Topic (as commanded, without output.topic_prefix), channel and record key follow, unseparated. No
// key (0 bytes): the channel's name is the key.
struct ChannelRecord {
  RecordHeader header;
  uint16_t topic_bytes;
  uint16_t channel_bytes;
  uint32_t key_bytes;
};
static_assert(sizeof(ChannelRecord) == 40);

}  // namespace e2k::spool
