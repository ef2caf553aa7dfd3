// Arbitrary bytes as a segment's data: whatever is read lies within them and moves forward.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "worker/spool/record.h"

namespace {

using e2k::spool::kUnitBytes;

// Without this no input gets past the checksum.
void mend_checksum(std::byte* at, uint64_t room, uint64_t number, uint64_t unit) {
  auto* h = reinterpret_cast<e2k::spool::RecordHeader*>(at);
  h->position = e2k::spool::Position::at(number, unit).word;
  if (h->length < sizeof(*h) || h->length > room) return;
  h->crc32c = e2k::spool::record_checksum(number, h->length, h);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  const uint64_t number = bytes[0];
  const bool mend = (bytes[1] & 1) != 0;
  const uint64_t units = (size - 2) / kUnitBytes;
  std::unique_ptr<void, decltype(&std::free)> data(std::aligned_alloc(kUnitBytes, (units + 1) * kUnitBytes),
                                                   &std::free);
  std::memcpy(data.get(), bytes + 2, units * kUnitBytes);
  auto* base = static_cast<std::byte*>(data.get());
  const e2k::spool::SegmentView view{number, base, units};
  uint64_t sum = 0;
  for (uint64_t unit = 0; unit <= units;) {
    if (mend && unit < units)
      mend_checksum(base + unit * kUnitBytes, (units - unit) * kUnitBytes, number, unit);
    e2k::spool::RecordView record;
    if (e2k::spool::read_record(view, unit, record) != e2k::spool::ReadOutcome::record) break;
    if (record.units == 0 || record.units > units - unit) std::abort();
    if (record.is_event()) {
      for (std::byte b : record.value()) sum += static_cast<uint64_t>(b);
    } else if (record.header->kind == e2k::spool::RecordKind::channel) {
      for (auto name : {record.topic(), record.channel(), record.key()})
        for (char c : name) sum += static_cast<uint8_t>(c);
    }
    unit += record.units;
  }
  return sum == UINT64_MAX ? 1 : 0;
}
