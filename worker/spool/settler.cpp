#include "worker/spool/settler.h"

#include <algorithm>
#include <atomic>
#include <iterator>

#include "common/clock.h"
#include "worker/spool/settlement.h"

namespace e2k::spool {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

using ledger::bump;

// What its reader has not come to yet, it counts as settled when it does: a copy of a record in flight.
void note_settled(const StandingRecord& record) {
  SegmentUse& use = record.segment->use();
  if (record.unit < use.read_upto) ++use.settled;
}

size_t latency_bucket(int64_t latency_ns) {
  const auto* bound =
      std::lower_bound(std::begin(ledger::kLatencyBoundsNs), std::end(ledger::kLatencyBoundsNs), latency_ns);
  return static_cast<size_t>(bound - std::begin(ledger::kLatencyBoundsNs));
}

}  // namespace

ledger::Entry* Settler::settle(const StandingRecord& record, uint8_t settlement) {
  uint8_t& map_byte = record.segment->settlement_byte(record.unit);
  if (map_byte != 0) return nullptr;
  const EntryIndex index{record.header().index};
  ledger::Entry* entry = books_.used_line(index);
  if (entry == nullptr) return nullptr;
  settle_record(header_.intent, {record.log->id(), record.position(), index.value}, map_byte, settlement,
                counters_of(settlement, header_, *entry));
  note_settled(record);
  return entry;
}

void Settler::acknowledge(const StandingRecord& record, const Acknowledgement& how) {
  ledger::Entry* entry = settle(record, static_cast<uint8_t>(Settlement::acknowledged));
  if (entry == nullptr) return;
  entry->publisher.last_partition.store(how.partition, kRelaxed);
  entry->publisher.last_offset.store(how.offset, kRelaxed);
  if (how.restamped)
    entry->publisher.restamped.store(entry->publisher.restamped.load(kRelaxed) + 1, kRelaxed);
  if (how.latency_ns < 0) return;
  bump(header_.latency_buckets[latency_bucket(how.latency_ns)]);
  bump(header_.latency_sum_ns, static_cast<uint64_t>(how.latency_ns));
}

void Settler::lose(const StandingRecord& record, ledger::LossReason reason, int64_t real_ns,
                   uint32_t to_tell) {
  ledger::Entry* entry = settle(record, lost_as(reason));
  if (entry == nullptr) return;
  bump(entry->publisher.untold_spooled, to_tell);
  entry->publisher.last_loss.store(static_cast<uint8_t>(reason), kRelaxed);
  entry->publisher.last_loss_unix_s.store(static_cast<uint32_t>(real_ns / kNsPerSecond), kRelaxed);
}

void Settler::tell(EntryIndex index, uint32_t lost) {
  ledger::Entry* entry = books_.used_line(index);
  if (entry == nullptr) return;
  auto& untold = entry->publisher.untold_spooled;
  untold.store(untold.load(kRelaxed) - std::min(lost, untold.load(kRelaxed)), kRelaxed);
}

void Settler::coalesce(const StandingRecord& record) {
  (void)settle(record, static_cast<uint8_t>(Settlement::coalesced));
}

void Settler::announce_move(const StandingRecord& record, LogId copy_log, Position copy) {
  ledger::SettleIntent& intent = header_.intent;
  intent.log.store(record.log->id(), kRelaxed);
  intent.index.store(record.header().index, kRelaxed);
  intent.settlement.store(static_cast<uint8_t>(Settlement::moved), kRelaxed);
  intent.count_before.store(copy_log, kRelaxed);
  intent.sum_before.store(copy.word, kRelaxed);
  intent.position.store(record.position().word, std::memory_order_release);
}

void Settler::finish_move(const StandingRecord& record) {
  std::atomic_ref<uint8_t>(record.segment->settlement_byte(record.unit))
      .store(static_cast<uint8_t>(Settlement::moved), std::memory_order_release);
  header_.intent.position.store(0, std::memory_order_release);
  note_settled(record);
}

}  // namespace e2k::spool
