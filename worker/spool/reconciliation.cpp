#include "worker/spool/reconciliation.h"

#include <algorithm>

#include "common/clock.h"
#include "worker/spool/progress.h"

namespace e2k::spool {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

uint64_t waiting_by_books(const ledger::Entry& line, uint64_t appended) {
  const auto& p = line.publisher;
  const uint64_t settled =
      p.acknowledged.load(kRelaxed) + p.lost_spooled.load(kRelaxed) + p.coalesced.load(kRelaxed);
  return appended > settled ? appended - settled : 0;
}

void book_lost(ledger::Ledger& books, ledger::Entry& line, uint64_t events, ledger::LossReason reason,
               int64_t real_ns) {
  auto& p = line.publisher;
  ledger::bump(p.lost_spooled, events);
  ledger::bump(p.untold_spooled, static_cast<uint32_t>(std::min<uint64_t>(events, UINT32_MAX)));
  p.last_loss.store(static_cast<uint8_t>(reason), kRelaxed);
  p.last_loss_unix_s.store(static_cast<uint32_t>(real_ns / kNsPerSecond), kRelaxed);
  ledger::bump(books.header().lost_spooled[static_cast<size_t>(reason)], events);
}

}  // namespace

void Reconciliation::take_appended(const ledger::Ledger& books) {
  appended_.resize(books.header().entries_used.load(std::memory_order_acquire));
  for (uint32_t i = 0; i < appended_.size(); ++i)
    appended_[i] = books.entries()[i].ca.appended.load(kRelaxed);
}

void Reconciliation::count(Log& log, Position end) {
  for (Segment* segment = log.first(); segment != nullptr; segment = log.from(segment->number() + 1)) {
    note_progress();
    RecordView record;
    for (uint64_t unit = 0; Position::at(segment->number(), unit) < end &&
                            read_record(segment->view(), unit, record) == ReadOutcome::record;
         unit += record.units) {
      const uint32_t index = record.header->index;
      if (!record.is_event() || segment->settlement(unit) != 0 || index >= ledger::kMaxEntries) continue;
      if (waiting_.size() <= index) waiting_.resize(index + 1);
      ++waiting_[index];
    }
  }
}

Reconciliation::Outcome Reconciliation::carry_out(ledger::Ledger& books, ledger::LossReason reason,
                                                  int64_t real_ns, const Told& lost, const Told& found) {
  Outcome all;
  const size_t lines = std::max(appended_.size(), waiting_.size());
  appended_.resize(lines);
  waiting_.resize(lines);
  for (uint32_t i = 0; i < lines; ++i) {
    ledger::Entry* line = books.line(EntryIndex{i});
    if (line == nullptr) continue;
    const uint64_t by_books = waiting_by_books(*line, appended_[i]);
    if (by_books > waiting_[i]) {
      const uint64_t events = by_books - waiting_[i];
      book_lost(books, *line, events, reason, real_ns);
      lost(EntryIndex{i}, events);
      all.lost += events;
    } else if (waiting_[i] > by_books) {
      const uint64_t events = waiting_[i] - by_books;
      found(EntryIndex{i}, events);
      all.found += events;
    }
  }
  books.header().unreconciled.store(0, kRelaxed);
  return all;
}

}  // namespace e2k::spool
