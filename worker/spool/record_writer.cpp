#include "worker/spool/record_writer.h"

#include <atomic>
#include <cstring>

namespace e2k::spool {
namespace {

RecordHeader& begin(Segment& segment, uint64_t unit, RecordKind kind) noexcept {
  RecordHeader& h = segment.record(unit);
  h.position = Position::at(segment.number(), unit).word;
  h.kind = kind;
  h.dbr_type = 0;
  h.status = 0;
  h.severity = 0;
  h.ordinal = 0;
  h.index = 0;
  h.count = 0;
  return h;
}

void finish(Segment& segment, uint64_t unit, uint32_t length) noexcept {
  RecordHeader& h = segment.record(unit);
  h.crc32c = record_checksum(segment.number(), length, &h);
  commit(segment, unit, length);
}

}  // namespace

void commit(Segment& segment, uint64_t unit, uint32_t length) noexcept {
  const uint64_t behind = unit + units_of(length);
  if (behind < segment.units())
    std::atomic_ref<uint32_t>(segment.record(behind).length).store(0, std::memory_order_relaxed);
  std::atomic_ref<uint32_t>(segment.record(unit).length).store(length, std::memory_order_release);
}

void describe(Segment& segment, uint64_t unit, uint32_t index, const EntryNames& names) noexcept {
  RecordHeader& h = begin(segment, unit, RecordKind::channel);
  auto& c = reinterpret_cast<ChannelRecord&>(h);
  char* text = reinterpret_cast<char*>(&h) + sizeof(ChannelRecord);
  for (std::string_view name : {names.topic, names.channel, names.key}) {
    if (!name.empty()) std::memcpy(text, name.data(), name.size());
    text += name.size();
  }
  h.index = index;
  h.count = static_cast<uint32_t>(names.bytes());
  c.topic_bytes = static_cast<uint16_t>(names.topic.size());
  c.channel_bytes = static_cast<uint16_t>(names.channel.size());
  c.key_bytes = static_cast<uint32_t>(names.key.size());
  finish(segment, unit, static_cast<uint32_t>(sizeof(ChannelRecord) + names.bytes()));
}

void end_segment(Segment& segment, uint64_t unit) noexcept {
  if (unit >= segment.units()) return;
  begin(segment, unit, RecordKind::segment_end);
  finish(segment, unit, sizeof(RecordHeader));
}

void copy_record(Segment& segment, uint64_t unit, const RecordView& record) noexcept {
  const uint32_t length = record.header->length;
  RecordHeader& h = segment.record(unit);
  // All but the length, which makes it visible.
  constexpr size_t kLengthBytes = sizeof h.length;
  std::memcpy(reinterpret_cast<char*>(&h) + kLengthBytes,
              reinterpret_cast<const char*>(record.header) + kLengthBytes, length - kLengthBytes);
  h.position = Position::at(segment.number(), unit).word;
  finish(segment, unit, length);
}

}  // namespace e2k::spool
