#include "worker/spool/record.h"

#include <atomic>

#include "proto/crc32c.h"

namespace e2k::spool {
namespace {

constexpr size_t kChecksumEnd = 8;  // length and crc32c themselves

bool event_holds_together(const RecordHeader& h) {
  if (h.length < sizeof(EventRecord)) return false;
  const uint64_t value_bytes = h.length - sizeof(EventRecord);
  if (h.kind == RecordKind::error) return h.count == value_bytes;
  const size_t element = dbr_element_bytes(h.dbr_type);
  return element != 0 && uint64_t{h.count} * element == value_bytes;
}

bool channel_holds_together(const RecordHeader& h) {
  if (h.length < sizeof(ChannelRecord)) return false;
  const auto& c = reinterpret_cast<const ChannelRecord&>(h);
  const uint64_t names = uint64_t{c.topic_bytes} + c.channel_bytes + c.key_bytes;
  return names == h.length - sizeof(ChannelRecord) && h.count == names;
}

bool holds_together(const RecordHeader& h) {
  switch (h.kind) {
    case RecordKind::event:
    case RecordKind::error:
      return event_holds_together(h);
    case RecordKind::channel:
      return channel_holds_together(h);
    case RecordKind::segment_end:
      return h.length == sizeof(RecordHeader);
  }
  return true;  // of a later release: readers pass over it by its length
}

const char* behind_event(const RecordHeader* h) {
  return reinterpret_cast<const char*>(h) + sizeof(EventRecord);
}
const char* names_of(const RecordHeader* h) {
  return reinterpret_cast<const char*>(h) + sizeof(ChannelRecord);
}
const ChannelRecord& channel_of(const RecordHeader* h) {
  return *reinterpret_cast<const ChannelRecord*>(h);
}

enum class Check { bounds, everything };

template <Check check>
ReadOutcome read(const SegmentView& segment, uint64_t unit, RecordView& view) {
  if (unit >= segment.units) return ReadOutcome::end_of_segment;
  auto* bytes = const_cast<std::byte*>(segment.data + unit * kUnitBytes);
  auto* h = reinterpret_cast<RecordHeader*>(bytes);
  const uint32_t length = std::atomic_ref<uint32_t>(h->length).load(std::memory_order_acquire);
  if (length == 0) return ReadOutcome::nothing_yet;
  if (length < sizeof(RecordHeader) || length > (segment.units - unit) * kUnitBytes)
    return ReadOutcome::damaged;
  const Position position = Position::at(segment.number, unit);
  if (h->position != position.word) return ReadOutcome::damaged;
  if constexpr (check == Check::everything) {
    if (h->crc32c != record_checksum(segment.number, length, h)) return ReadOutcome::damaged;
    if (!holds_together(*h)) return ReadOutcome::damaged;
  }
  if (h->kind == RecordKind::segment_end) return ReadOutcome::end_of_segment;
  view = {position, h, units_of(length)};
  return ReadOutcome::record;
}

}  // namespace

uint32_t record_checksum(uint64_t segment, uint32_t length, const RecordHeader* record) {
  const uint32_t begun = crc32c(length, &segment, sizeof segment);
  return crc32c(begun, reinterpret_cast<const std::byte*>(record) + kChecksumEnd, length - kChecksumEnd);
}

std::span<const std::byte> RecordView::value() const {
  return {reinterpret_cast<const std::byte*>(behind_event(header)), header->length - sizeof(EventRecord)};
}
std::string_view RecordView::topic() const {
  return {names_of(header), channel_of(header).topic_bytes};
}
std::string_view RecordView::channel() const {
  return {names_of(header) + channel_of(header).topic_bytes, channel_of(header).channel_bytes};
}
std::string_view RecordView::key() const {
  const ChannelRecord& c = channel_of(header);
  if (c.key_bytes == 0) return channel();
  return {names_of(header) + c.topic_bytes + c.channel_bytes, c.key_bytes};
}

ReadOutcome read_record(const SegmentView& segment, uint64_t unit, RecordView& view) {
  return read<Check::everything>(segment, unit, view);
}
ReadOutcome read_again(const SegmentView& segment, uint64_t unit, RecordView& view) {
  return read<Check::bounds>(segment, unit, view);
}

}  // namespace e2k::spool
