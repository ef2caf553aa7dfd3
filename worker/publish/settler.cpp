#include "worker/publish/settler.h"

#include <algorithm>
#include <iterator>

#include "worker/spool/settlement.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

void bump(std::atomic<uint64_t>& counter, uint64_t by = 1) {
  counter.store(counter.load(kRelaxed) + by, kRelaxed);
}

size_t latency_bucket(int64_t latency_ns) {
  const auto* bound =
      std::lower_bound(std::begin(ledger::kLatencyBoundsNs), std::end(ledger::kLatencyBoundsNs), latency_ns);
  return static_cast<size_t>(bound - std::begin(ledger::kLatencyBoundsNs));
}

}  // namespace

Settler::Settler(spool::Spool& spool, ledger::Ledger& books)
    : spool_(spool), books_(books), header_(books.header()), cursor_(spool, spool.cursor()) {}

spool::Segment* Settler::segment(uint64_t number) {
  if (last_used_ == nullptr || last_used_->number() != number) last_used_ = spool_.find(number);
  return last_used_;
}

StandingRecord Settler::find(spool::Position position) {
  spool::Segment* s = segment(position.segment());
  if (s == nullptr || position.unit() >= s->units()) return {};
  const spool::RecordHeader& record = s->record(position.unit());
  if (record.position != position.word) return {};
  return {s, &record};
}

bool Settler::is_settled(spool::Position position) {
  const spool::Segment* s = segment(position.segment());
  return s == nullptr || s->settlement(position.unit()) != 0;
}

ledger::Entry* Settler::settle(StandingRecord record, uint8_t settlement) {
  if (!record) return nullptr;
  const spool::Position position{record.header->position};
  uint8_t& map_byte = record.segment->settlement_byte(position.unit());
  if (map_byte != 0) return nullptr;
  const EntryIndex index{record.header->index};
  ledger::Entry* entry = books_.used_line(index);
  if (entry == nullptr) return nullptr;
  spool::settle_record(header_.intent, position, index.value, map_byte, settlement,
                       spool::counters_of(settlement, header_, *entry));
  settled_.store(settled_.load(kRelaxed) + 1, std::memory_order_release);
  return entry;
}

void Settler::acknowledge(StandingRecord record, int32_t partition, int64_t offset, int64_t now_real_ns,
                          int64_t now_monotonic_ns) {
  ledger::Entry* entry = settle(record, static_cast<uint8_t>(spool::Settlement::acknowledged));
  if (entry == nullptr) return;
  entry->publisher.last_partition.store(partition, kRelaxed);
  entry->publisher.last_offset.store(offset, kRelaxed);
  entry->publisher.last_acknowledged_real_ns.store(now_real_ns, kRelaxed);
  const auto* event = reinterpret_cast<const spool::EventRecord*>(record.header);
  const int64_t latency_ns = std::max<int64_t>(0, now_monotonic_ns - event->arrival_monotonic_ns);
  bump(header_.latency_buckets[latency_bucket(latency_ns)]);
  bump(header_.latency_sum_ns, static_cast<uint64_t>(latency_ns));
}

void Settler::lose(spool::Position position, ledger::LossReason reason) {
  ledger::Entry* entry = settle(find(position), spool::lost_as(reason));
  if (entry != nullptr) entry->publisher.last_loss.store(static_cast<uint8_t>(reason), kRelaxed);
}

bool Settler::advance_cursor(spool::Position limit) {
  const spool::Position before = cursor_.position();
  spool::RecordView record;
  while (cursor_.peek_again(record, limit) == spool::ReadOutcome::record) {
    if (record.is_event() && !cursor_.settled()) break;
    cursor_.skip(record);
  }
  // The first event from here on; looking beyond the limit gives nothing back.
  LogFollower ahead = cursor_;
  bool waits = false;
  while (!waits && ahead.peek(record) == spool::ReadOutcome::record) {
    waits = record.is_event();
    ahead.skip(record);
  }
  header_.oldest_waiting_arrival_real_ns.store(waits ? record.event().arrival_real_ns : 0, kRelaxed);
  if (cursor_.position() == before) return false;
  last_used_ = nullptr;
  spool_.settled_upto(cursor_.position());
  return true;
}

}  // namespace e2k::worker
