#include "worker/spool/appender.h"

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

Appended Appender::append(const NewEvent& event, std::span<const std::byte> value, const EntryNames& names,
                          uint64_t& described_in) noexcept {
  if (value.size() > log_.max_event_bytes()) return {{}, ledger::LossReason::event_too_large};
  const uint64_t event_units = units_of(sizeof(EventRecord) + value.size());
  // The names' size matters once a segment only.
  const bool described = described_in == segment_->number();
  if (segment_->units() - unit_ < event_units + (described ? 0 : names.units())) {
    // In another segment the entry is not described yet.
    if (!make_room(event_units + names.units())) return {{}, log_.refusal()};
  }
  if (described_in != segment_->number()) {
    describe(*segment_, unit_, event.index, names);
    unit_ += names.units();
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

bool Appender::make_room(uint64_t units) noexcept {
  if (segment_->units() - unit_ >= units) return true;
  return roll() && segment_->units() >= units;
}

bool Appender::roll() noexcept {
  Segment* const full = segment_;
  Segment* const next = log_.roll();
  if (next == nullptr) return false;
  // The next segment is in place before the end mark is: who reads the mark finds it.
  end_segment(*full, unit_);
  segment_ = next;
  unit_ = 0;
  return true;
}

void Appender::leave_segment(uint64_t number) noexcept {
  if (segment_->number() == number) (void)roll();
}

}  // namespace e2k::spool
