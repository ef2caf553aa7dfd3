// Random histories, and for the last append or settlement every prefix of its stores: recovery makes the
// books true again. A crash is played by giving the stores that did not happen their old values back.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "proto/ledger_reader.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/spool/reconciliation.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

constexpr uint32_t kEntries = 3;

struct Model {
  uint64_t appended[kEntries] = {}, acknowledged[kEntries] = {}, lost[kEntries] = {};
};

struct History {
  explicit History(const std::string& folder)
      : folder(folder), log(folder), settler(*log.books), reader(log.reader()) {
    // Without notices of losses: the model counts events.
    log.intake = std::make_unique<SpoolIntake>(*log.live, *log.books, *log.bell, false);
    for (uint32_t i = 0; i < kEntries; ++i) entries.push_back(&log.open(i, "t", "c" + std::to_string(i)));
  }
  void append(uint32_t i, size_t elements) {
    std::vector<double> values(elements, 1.0);
    const CaEvent event{6, 0, 0, 1, 0, static_cast<uint32_t>(elements), std::as_bytes(std::span(values))};
    log.intake->event(*entries[i], event);
    // None, one, or one more that tells of events that found no room before.
    spool::RecordView r;
    while (reader.peek(r) == spool::ReadOutcome::record) {
      if (r.is_event()) {
        ++model.appended[r.header->index];
        waiting.push_back({{&log.live->log(), reader.segment(), reader.unit()}, r.header->index});
      }
      reader.skip(r);
    }
  }
  std::pair<spool::StandingRecord, uint32_t> settle(size_t which, bool lose) {
    const auto at = waiting[which % waiting.size()];
    if (lose) {
      settler.lose(at.first, ledger::LossReason::encoding_failed, 0);
      ++model.lost[at.second];
    } else {
      settler.acknowledge(at.first, {0, 0, 0});
      ++model.acknowledged[at.second];
    }
    waiting.erase(waiting.begin() + static_cast<long>(which % waiting.size()));
    return at;
  }
  void recover_and_check() {
    const auto folders = must(spool::find_slot_folders(folder, Slot{0}));
    must(spool::recover(folder, folders, *log.books));
    spool::Reconciliation logs;
    logs.count(log.live->log());
    const uint64_t found = std::accumulate(logs.waiting().begin(), logs.waiting().end(), uint64_t{0});
    uint64_t still_waiting = 0;
    for (uint32_t i = 0; i < kEntries; ++i) {
      const ledger::Entry& line = *log.books->used_line(EntryIndex{i});
      RC_ASSERT(line.ca.appended.load() == model.appended[i]);
      RC_ASSERT(line.publisher.acknowledged.load() == model.acknowledged[i]);
      RC_ASSERT(line.publisher.lost_spooled.load() == model.lost[i]);
      still_waiting += ledger::counts_of(line).waiting;
    }
    RC_ASSERT(found == still_waiting);
    RC_ASSERT(found == waiting.size());
    const auto& h = log.books->header();
    RC_ASSERT(h.appended.load() == model.appended[0] + model.appended[1] + model.appended[2]);
    RC_ASSERT(h.acknowledged.load() == model.acknowledged[0] + model.acknowledged[1] + model.acknowledged[2]);
  }
  void random_steps() {
    const auto steps = *rc::gen::inRange<size_t>(0, 200);
    for (size_t n = 0; n < steps; ++n) {
      const auto kind = *rc::gen::inRange(0, 3);
      if (kind != 2 || waiting.empty()) {
        append(*rc::gen::inRange<uint32_t>(0, kEntries), *rc::gen::element<size_t>(1, 1, 2, 100, 1500));
      } else {
        settle(*rc::gen::inRange<size_t>(0, 1000), *rc::gen::arbitrary<bool>());
      }
    }
  }

  std::string folder;
  LogUnderTest log;
  spool::Settler settler;
  spool::LogReader reader;
  std::vector<IntakeEntry*> entries;
  std::vector<std::pair<spool::StandingRecord, uint32_t>> waiting;
  Model model;
};

RC_GTEST_PROP(Crash, append_is_counted_once_from_its_commit_on, ()) {
  TemporaryFolder folder;
  History history(folder.path());
  history.random_steps();
  const auto i = *rc::gen::inRange<uint32_t>(0, kEntries);
  ledger::CaLine& line = history.log.books->used_line(EntryIndex{i})->ca;
  ledger::Header& h = history.log.books->header();
  const uint64_t appended = line.appended, sum = h.appended;
  history.append(i, 1);
  RC_PRE(line.appended.load() == appended + 1);
  // Stores in their order: length, appended, the header's sum. `done` of them happened.
  const int done = *rc::gen::inRange(0, 4);
  if (done < 3) h.appended = sum;
  if (done < 2) line.appended = appended;
  if (done < 1) {
    const auto record = history.waiting.back().first;
    record.segment->record(record.unit).length = 0;
    history.waiting.pop_back();
    --history.model.appended[i];
  }
  history.recover_and_check();
  history.recover_and_check();
}

RC_GTEST_PROP(Crash, settlement_is_carried_out_once_from_its_announcement_on, ()) {
  TemporaryFolder folder;
  History history(folder.path());
  history.random_steps();
  history.append(0, 1);
  RC_PRE(!history.waiting.empty());
  ledger::Header& h = history.log.books->header();
  std::vector<uint64_t> counts, sums;
  for (uint32_t i = 0; i < kEntries; ++i)
    counts.push_back(history.log.books->used_line(EntryIndex{i})->publisher.acknowledged);
  const uint64_t sum = h.acknowledged;
  const auto [record, index] = history.settle(*rc::gen::inRange<size_t>(0, 1000), false);
  auto& count = history.log.books->used_line(EntryIndex{index})->publisher.acknowledged;
  // Stores in their order: the intent, the map, the entry's count, the sum, the intent's end.
  const int done = *rc::gen::inRange(0, 6);
  if (done < 5) h.intent.position = record.position().word;
  if (done < 4) h.acknowledged = sum;
  if (done < 3) count = counts[index];
  if (done < 2) record.segment->settlement_byte(record.unit) = 0;
  if (done < 1) {
    h.intent.position = 0;
    history.waiting.push_back({record, index});
    --history.model.acknowledged[index];
  }
  history.recover_and_check();
  history.recover_and_check();
}

}  // namespace
}  // namespace e2k::worker
