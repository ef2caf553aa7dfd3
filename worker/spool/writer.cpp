#include "worker/spool/writer.h"

#include <atomic>
#include <bit>
#include <cstring>

#include "proto/crc32c.h"

namespace e2k::spool {
namespace {

// The words of a one-unit event, computed in registers: reading back what was just stored in smaller pieces
// would stall the checksum.
struct UnitWords {
  uint64_t w[8];
};
static_assert(sizeof(UnitWords) == kUnitBytes && std::endian::native == std::endian::little);

template <class T>
uint64_t bits(T v, int shift) {
  return uint64_t{static_cast<std::make_unsigned_t<T>>(v)} << shift;
}

UnitWords unit_words(const NewEvent& e, Position position, std::span<const std::byte> value) {
  UnitWords u;
  u.w[1] = position.word;
  u.w[2] = bits(static_cast<uint8_t>(e.kind), 0) | bits(e.dbr_type, 8) | bits(e.status, 16) |
           bits(e.severity, 32) | bits(e.ordinal, 48);
  u.w[3] = bits(e.index, 0) | bits(e.count, 32);
  u.w[4] = bits(e.stamp_seconds, 0) | bits(e.stamp_nanoseconds, 32);
  u.w[5] = static_cast<uint64_t>(e.arrival_real_ns);
  u.w[6] = static_cast<uint64_t>(e.arrival_monotonic_ns);
  u.w[7] = 0;
  std::memcpy(&u.w[7], value.data(), value.size());
  return u;
}

}  // namespace

Appended LogWriter::append(const NewEvent& event, std::span<const std::byte> value, const EntryNames& names,
                           uint64_t& described_in) noexcept {
  if (value.size() > spool_.max_event_bytes()) return {{}, ledger::LossReason::event_too_large};
  const uint64_t event_units = units_of(sizeof(EventRecord) + value.size());
  const uint64_t name_bytes = names.topic.size() + names.channel.size() + names.key.size();
  uint64_t units = event_units;
  if (described_in != segment_->number()) units += units_of(sizeof(ChannelRecord) + name_bytes);
  if (segment_->units() - unit_ < units) {
    // In another segment the entry is not described yet.
    if (!make_room(event_units + units_of(sizeof(ChannelRecord) + name_bytes))) return {{}, spool_.refusal()};
  }
  if (described_in != segment_->number()) {
    describe(event.index, names);
    described_in = segment_->number();
  }
  const Position position = head();
  const auto length = static_cast<uint32_t>(sizeof(EventRecord) + value.size());
  std::byte* to = segment_->data() + unit_ * kUnitBytes;
  UnitWords words = unit_words(event, position, value.first(value.size() <= 8 ? value.size() : 0));
  if (value.size() <= 8) {
    words.w[0] = position.segment();
    const uint32_t checksum = crc32c(length, words.w, sizeof(uint64_t) + length - 8);
    std::memcpy(to + 8, &words.w[1], kUnitBytes - 8);
    reinterpret_cast<RecordHeader*>(to)->crc32c = checksum;
  } else {
    std::memcpy(to + 8, &words.w[1], sizeof(EventRecord) - 8);
    std::memcpy(to + sizeof(EventRecord), value.data(), value.size());
    auto* h = reinterpret_cast<RecordHeader*>(to);
    h->crc32c = record_checksum(position.segment(), length, h);
  }
  commit(*segment_, unit_, length);
  unit_ += event_units;
  return {position, ledger::LossReason::none};
}

bool LogWriter::make_room(uint64_t units) noexcept {
  if (segment_->units() - unit_ >= units) return true;
  Segment* const full = segment_;
  Segment* const next = spool_.roll();
  if (next == nullptr) return false;
  // The next segment is in place before the end mark is: who reads the mark finds it.
  end_segment(*full, unit_);
  segment_ = next;
  unit_ = 0;
  return segment_->units() >= units;
}

void LogWriter::end_segment(Segment& segment, uint64_t unit) noexcept {
  if (unit == segment.units()) return;
  RecordHeader& h = segment.record(unit);
  h.position = Position::at(segment.number(), unit).word;
  h.kind = RecordKind::segment_end;
  h.dbr_type = 0;
  h.status = 0;
  h.severity = 0;
  h.ordinal = 0;
  h.index = 0;
  h.count = 0;
  h.crc32c = record_checksum(segment.number(), sizeof(RecordHeader), &h);
  commit(segment, unit, sizeof(RecordHeader));
}

void LogWriter::describe(uint32_t index, const EntryNames& names) noexcept {
  RecordHeader& h = segment_->record(unit_);
  auto& c = reinterpret_cast<ChannelRecord&>(h);
  char* text = reinterpret_cast<char*>(&h) + sizeof(ChannelRecord);
  for (std::string_view name : {names.topic, names.channel, names.key}) {
    std::memcpy(text, name.data(), name.size());
    text += name.size();
  }
  const auto bytes = static_cast<uint32_t>(names.topic.size() + names.channel.size() + names.key.size());
  const auto length = static_cast<uint32_t>(sizeof(ChannelRecord) + bytes);
  h.position = head().word;
  h.kind = RecordKind::channel;
  h.dbr_type = 0;
  h.status = 0;
  h.severity = 0;
  h.ordinal = 0;
  h.index = index;
  h.count = bytes;
  c.topic_bytes = static_cast<uint16_t>(names.topic.size());
  c.channel_bytes = static_cast<uint16_t>(names.channel.size());
  c.key_bytes = static_cast<uint32_t>(names.key.size());
  h.crc32c = record_checksum(segment_->number(), length, &h);
  commit(*segment_, unit_, length);
  unit_ += units_of(length);
}

void LogWriter::commit(Segment& segment, uint64_t unit, uint32_t length) noexcept {
  const uint64_t behind = unit + units_of(length);
  if (behind < segment.units())
    std::atomic_ref<uint32_t>(segment.record(behind).length).store(0, std::memory_order_relaxed);
  std::atomic_ref<uint32_t>(segment.record(unit).length).store(length, std::memory_order_release);
}

}  // namespace e2k::spool
