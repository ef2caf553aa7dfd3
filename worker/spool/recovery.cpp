#include "worker/spool/recovery.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "common/fd.h"
#include "worker/spool/settlement.h"

namespace e2k::spool {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

bool complete_settlement(const FoundLog& log, ledger::Ledger& books) {
  ledger::Header& header = books.header();
  ledger::SettleIntent& intent = header.intent;
  const Position position{intent.position.load(std::memory_order_acquire)};
  if (position.word == 0) return false;
  Segment* segment = log.find(position.segment());
  ledger::Entry* entry = books.used_line(EntryIndex{intent.index.load(kRelaxed)});
  const auto settlement = static_cast<uint8_t>(intent.settlement.load(kRelaxed));
  if (segment == nullptr || position.unit() >= segment->units() || entry == nullptr || settlement == 0) {
    intent.position.store(0, kRelaxed);
    return false;
  }
  carry_out_settlement(intent, segment->settlement_byte(position.unit()), settlement,
                       counters_of(settlement, header, *entry));
  return true;
}

// Of a log's last record. true: it had not been counted.
bool count_record(const RecordView& record, ledger::Ledger& books) {
  ledger::Entry* entry = books.used_line(EntryIndex{record.header->index});
  if (entry == nullptr) return false;
  const uint64_t appended = entry->ca.appended.load(kRelaxed);
  if (record.header->ordinal != static_cast<uint16_t>(appended + 1)) return false;
  entry->ca.appended.store(appended + 1, std::memory_order_release);
  return true;
}

void make_sums(ledger::Ledger& books) {
  ledger::Header& h = books.header();
  uint64_t appended = h.opening.appended, acknowledged = h.opening.acknowledged;
  uint64_t coalesced = h.opening.coalesced, lost = h.opening.lost_unspooled;
  const uint32_t used = h.entries_used.load(kRelaxed);
  for (uint32_t i = 0; i < used; ++i) {
    const ledger::Entry& e = *books.used_line(EntryIndex{i});
    appended += e.ca.appended.load(kRelaxed);
    lost += e.ca.lost_unspooled.load(kRelaxed);
    acknowledged += e.publisher.acknowledged.load(kRelaxed);
    coalesced += e.publisher.coalesced.load(kRelaxed);
  }
  h.appended.store(appended, kRelaxed);
  h.acknowledged.store(acknowledged, kRelaxed);
  h.coalesced.store(coalesced, kRelaxed);
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

Result<Position> read_cursor(const std::string& directory) {
  const std::string path = directory + "/cursor";
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail("spool cursor " + path + " cannot be opened: " + std::strerror(errno));
  CursorFile cursor{};
  if (::read(fd.get(), &cursor, sizeof cursor) != static_cast<ssize_t>(sizeof cursor) ||
      cursor.magic != kCursorMagic || cursor.format_version != kFormatVersion || cursor.settled_upto == 0)
    return fail("spool cursor " + path + " is not one of this version");
  return Position{cursor.settled_upto};
}

}  // namespace

Result<FoundLog> FoundLog::open(const std::string& directory) {
  auto cursor = read_cursor(directory);
  if (!cursor) return tl::unexpected(cursor.error());
  FoundLog log;
  log.cursor_ = *cursor;
  for (uint64_t number = cursor->segment();; ++number) {
    // The first file that is none, or is just being made, is behind the log's end.
    auto segment = Segment::open(directory, number);
    if (!segment) break;
    log.segments_.push_back(std::move(*segment));
  }
  if (log.segments_.empty())
    return fail("spool directory " + directory + ": segment " + Segment::file_name(cursor->segment()) +
                ", where its cursor stands, is missing or damaged");
  return log;
}

Segment* FoundLog::find(uint64_t number) const {
  if (number < cursor_.segment() || number - cursor_.segment() >= segments_.size()) return nullptr;
  return segments_[number - cursor_.segment()].get();
}

Result<Recovered> recover(const std::string& directory, ledger::Ledger& books) {
  auto log = FoundLog::open(directory);
  if (!log) return tl::unexpected(log.error());
  Recovered result;
  result.settlement_completed = complete_settlement(*log, books);
  std::optional<RecordView> last;
  const bool whole = log->for_each([&](const RecordView& record, const Segment& segment) {
    if (!record.is_event()) return;
    last = record;
    if (segment.settlement(record.position.unit()) == 0) ++result.waiting;
  });
  if (last && count_record(*last, books)) result.counted = 1;
  result.damaged = !whole;
  make_sums(books);
  return result;
}

}  // namespace e2k::spool
