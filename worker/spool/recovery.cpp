#include "worker/spool/recovery.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>

#include "common/log.h"
#include "worker/ca_event.h"
#include "worker/spool/aside_logs.h"
#include "worker/spool/log_reader.h"
#include "worker/spool/settlement.h"

namespace e2k::spool {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::unique_ptr<Segment> open_segment(const std::string& spool, Slot slot, LogId log, uint64_t number) {
  const bool aside = (log & kAsideLog) != 0;
  const std::string folder = aside ? aside_folder(spool, slot) + "/" + std::to_string(log & ~kAsideLog)
                                   : log_folder(spool, slot, Generation{static_cast<uint32_t>(log)});
  auto segment = Segment::open(folder, number);
  return segment ? std::move(*segment) : nullptr;
}

bool is_record(const Segment& segment, Position position) {
  RecordView record;
  return read_record(segment.view(), position.unit(), record) == ReadOutcome::record;
}

bool complete_settlement(const std::string& spool, ledger::Ledger& books) {
  ledger::Header& header = books.header();
  ledger::SettleIntent& intent = header.intent;
  const Position position{intent.position.load(std::memory_order_acquire)};
  if (position.word == 0) return false;
  const Slot slot{header.slot};
  const auto settlement = static_cast<uint8_t>(intent.settlement.load(kRelaxed));
  const auto segment = open_segment(spool, slot, intent.log.load(kRelaxed), position.segment());
  ledger::Entry* entry = books.used_line(EntryIndex{intent.index.load(kRelaxed)});
  const auto give_up = [&] {
    intent.position.store(0, kRelaxed);
    return false;
  };
  if (!segment || position.unit() >= segment->units() || entry == nullptr || settlement == 0)
    return give_up();
  uint8_t& map_byte = segment->settlement_byte(position.unit());
  if (settlement != static_cast<uint8_t>(Settlement::moved)) {
    carry_out_settlement(intent, map_byte, settlement, counters_of(settlement, header, *entry));
    return true;
  }
  const Position copy{intent.sum_before.load(kRelaxed)};
  const auto to = open_segment(spool, slot, intent.count_before.load(kRelaxed), copy.segment());
  if (!to || copy.unit() >= to->units() || !is_record(*to, copy)) return give_up();
  std::atomic_ref<uint8_t>(map_byte).store(settlement, std::memory_order_release);
  intent.position.store(0, std::memory_order_release);
  return true;
}

// The last event of the log, if it may be the one that was not counted. It may be in the last segment but
// one, where the last is still empty; but who went on to another segment had counted all in this one.
std::optional<RecordView> last_event(Log& log) {
  std::optional<RecordView> last;
  for (uint64_t number = log.last_number(); number != 0 && !last; --number) {
    Segment* segment = log.find(number);
    if (segment == nullptr) continue;
    RecordView record;
    uint64_t unit = 0;
    ReadOutcome outcome;
    for (; (outcome = read_record(segment->view(), unit, record)) == ReadOutcome::record;
         unit += record.units)
      if (record.is_event()) last = record;
    const bool has_end_mark = outcome == ReadOutcome::end_of_segment && unit < segment->units();
    if (has_end_mark) return std::nullopt;
  }
  return last;
}

// What the next subscription's first event is compared with: that event, or nothing behind an error record.
void note_last(const RecordView& last, ledger::Entry& entry) {
  if (last.header->kind == RecordKind::error) return entry.publisher.last_event_hash.store(0, kRelaxed);
  const RecordHeader& h = *last.header;
  const worker::EventIdentity identity =
      worker::identity_of({h.dbr_type, h.status, h.severity, last.event().stamp_seconds,
                           last.event().stamp_nanoseconds, h.count, last.value()});
  entry.ca.last_stamp.store(identity.stamp, kRelaxed);
  entry.publisher.last_event_hash.store(identity.hash, kRelaxed);
}

// true: it had not been counted.
bool count_last(Log& log, ledger::Ledger& books) {
  const auto last = last_event(log);
  ledger::Entry* entry = last ? books.used_line(EntryIndex{last->header->index}) : nullptr;
  if (entry == nullptr) return false;
  const uint64_t appended = entry->ca.appended.load(kRelaxed);
  if (last->header->ordinal != static_cast<uint16_t>(appended + 1)) return false;
  note_last(*last, *entry);
  entry->ca.appended.store(appended + 1, std::memory_order_release);
  return true;
}

// The lines are changed before the header. What the header lacks was being found out when the process died.
void make_lost_spooled(ledger::Header& h, uint64_t lost) {
  const uint64_t known = ledger::sum_of(h.lost_spooled);
  if (known >= lost) return;
  auto& gone = h.lost_spooled[static_cast<size_t>(ledger::LossReason::spool_gone)];
  gone.store(gone.load(kRelaxed) + (lost - known), kRelaxed);
}

void make_sums(ledger::Ledger& books) {
  ledger::Header& h = books.header();
  uint64_t appended = h.opening.appended, acknowledged = h.opening.acknowledged;
  uint64_t coalesced = h.opening.coalesced, lost = h.opening.lost_unspooled;
  uint64_t lost_spooled = h.opening.lost_spooled;
  const uint32_t used = h.entries_used.load(kRelaxed);
  for (uint32_t i = 0; i < used; ++i) {
    const ledger::Entry& e = *books.used_line(EntryIndex{i});
    appended += e.ca.appended.load(kRelaxed);
    lost += e.ca.lost_unspooled.load(kRelaxed);
    acknowledged += e.publisher.acknowledged.load(kRelaxed);
    coalesced += e.publisher.coalesced.load(kRelaxed);
    lost_spooled += e.publisher.lost_spooled.load(kRelaxed);
  }
  h.appended.store(appended, kRelaxed);
  h.acknowledged.store(acknowledged, kRelaxed);
  h.coalesced.store(coalesced, kRelaxed);
  make_lost_spooled(h, lost_spooled);
  // Reasons of a settlement are restored by its intent. A loss before the spool is counted with its reason
  // first, and only then in its line: the header may be one ahead, and the line is what the callback did not
  // finish. Lines that are ahead all the same count as a full spool.
  uint64_t by_reason = 0;
  for (const auto& count : h.lost_unspooled) by_reason += count.load(kRelaxed);
  if (by_reason < lost) {
    auto& full = h.lost_unspooled[static_cast<size_t>(ledger::LossReason::no_segment)];
    full.store(full.load(kRelaxed) + (lost - by_reason), kRelaxed);
  }
  // Which reason it was is not known; no counter goes below zero.
  uint64_t too_many = by_reason > lost ? by_reason - lost : 0;
  for (auto& count : h.lost_unspooled) {
    const uint64_t taken = std::min(too_many, count.load(kRelaxed));
    count.store(count.load(kRelaxed) - taken, kRelaxed);
    too_many -= taken;
  }
}

// Cleared at once: the same death counts once.
void note_suspect(ledger::Header& h) {
  ledger::FlightWord& flight = h.flight[static_cast<size_t>(ledger::Thread::publish)];
  if (flight.entry_plus_one.exchange(0, kRelaxed) == 0) return;
  const uint64_t log = flight.log.load(kRelaxed), position = flight.position.load(kRelaxed);
  const bool again = log == h.suspect_log.load(kRelaxed) && position == h.suspect_position.load(kRelaxed);
  h.suspect_log.store(log, kRelaxed);
  h.suspect_position.store(position, kRelaxed);
  h.suspect_deaths.store(again ? h.suspect_deaths.load(kRelaxed) + 1 : 1, kRelaxed);
}

// The live log's folder stays until everything in it is settled, the others are counted in the header.
bool is_something_missing(const ledger::Header& h, const SlotFolders& folders) {
  if (ledger::waiting_of(h) == 0) return false;
  uint32_t older = 0;
  bool live = false;
  for (const LogFolder& log : folders.logs) {
    if (log.generation.value == h.generation) live = true;
    if (log.generation.value < h.generation) ++older;
  }
  // A worker that could not begin had made no log yet.
  const bool had_log = h.spool_max_bytes.load(kRelaxed) != 0;
  return (had_log && !live) || older < h.older_logs.load(kRelaxed) ||
         folders.aside_logs < h.aside_logs.load(kRelaxed);
}

}  // namespace

Result<Recovered> recover(const std::string& spool, const SlotFolders& folders, ledger::Ledger& books) {
  Recovered result;
  result.settlement_completed = complete_settlement(spool, books);
  ledger::Header& header = books.header();
  for (const LogFolder& folder : folders.logs) {
    if (folder.generation.value != header.generation) continue;
    auto log = Log::open(spool, folder.path, folder.generation.value);
    if (!log) return tl::unexpected(log.error());
    result.counted = count_last(**log, books);
    // The machine died: books and logs are each as old as what the kernel had written of them.
    const Segment* last = (*log)->find((*log)->last_number());
    if (last != nullptr && !last->is_of_this_boot(read_boot_id())) header.unreconciled.store(1, kRelaxed);
  }
  make_sums(books);
  note_suspect(header);
  if (is_something_missing(header, folders)) {
    log::error(
        "spool.gone slot={} waiting={} remedy=\"logs of this worker were removed from {}: what waited in "
        "them "
        "is counted as lost\"",
        header.slot, ledger::waiting_of(header), log::quoted(spool));
    header.unreconciled.store(1, kRelaxed);
  }
  return result;
}

}  // namespace e2k::spool
