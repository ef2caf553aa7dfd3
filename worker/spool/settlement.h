// Pure. The store sequence of one settlement, shared by the publisher and by recovery.
#pragma once

#include <atomic>
#include <cstdint>

#include "proto/ledger_format.h"
#include "proto/spool_format.h"

namespace e2k::spool {

inline uint8_t lost_as(ledger::LossReason reason) {
  return static_cast<uint8_t>(static_cast<uint8_t>(Settlement::lost) + static_cast<uint8_t>(reason));
}

// Which counters a settlement byte changes: the entry's, and the header's sum.
struct SettlementCounters {
  std::atomic<uint64_t>& entry;
  std::atomic<uint64_t>& sum;
};
inline SettlementCounters counters_of(uint8_t settlement, ledger::Header& header, ledger::Entry& entry) {
  if (settlement == static_cast<uint8_t>(Settlement::acknowledged))
    return {entry.publisher.acknowledged, header.acknowledged};
  if (settlement == static_cast<uint8_t>(Settlement::coalesced))
    return {entry.publisher.coalesced, header.coalesced};
  const size_t reason = (settlement - static_cast<size_t>(Settlement::lost)) % ledger::kReasons;
  return {entry.publisher.lost_spooled, header.lost_spooled[reason]};
}

// The stores in the order that makes them repeatable; the process may die between any two. `map_byte` belongs
// to the record's first unit.
inline void carry_out_settlement(ledger::SettleIntent& intent, uint8_t& map_byte, uint8_t settlement,
                                 SettlementCounters counters) {
  constexpr auto relaxed = std::memory_order_relaxed;
  constexpr auto release = std::memory_order_release;
  std::atomic_ref<uint8_t>(map_byte).store(settlement, release);
  counters.entry.store(intent.count_before.load(relaxed) + 1, release);
  counters.sum.store(intent.sum_before.load(relaxed) + 1, release);
  intent.position.store(0, release);
}

struct SettledRecord {
  LogId log;
  Position position;
  uint32_t index;
};
inline void settle_record(ledger::SettleIntent& intent, const SettledRecord& record, uint8_t& map_byte,
                          uint8_t settlement, SettlementCounters counters) {
  constexpr auto relaxed = std::memory_order_relaxed;
  intent.count_before.store(counters.entry.load(relaxed), relaxed);
  intent.sum_before.store(counters.sum.load(relaxed), relaxed);
  intent.log.store(record.log, relaxed);
  intent.index.store(record.index, relaxed);
  intent.settlement.store(settlement, relaxed);
  intent.position.store(record.position.word, std::memory_order_release);
  carry_out_settlement(intent, map_byte, settlement, counters);
}

}  // namespace e2k::spool
