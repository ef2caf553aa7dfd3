#include "tests/property/spool/crash_world.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>

#include "proto/ledger_reader.h"
#include "tests/property/spool/store_trace.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

using testing::StoreTrace;

constexpr Slot kSlot{0};

uint32_t serial_of(const spool::RecordView& record) {
  if (record.header->kind == spool::RecordKind::error)
    return static_cast<uint32_t>(
        std::stoul(std::string(reinterpret_cast<const char*>(record.value().data()), record.value().size())));
  double value;
  std::memcpy(&value, record.value().data(), sizeof value);
  return static_cast<uint32_t>(value);
}

// Sees every record of a log, settled or not.
template <class See>
void read_log(spool::Log& log, See&& see) {
  for (spool::Segment* s = log.first(); s != nullptr; s = log.from(s->number() + 1)) {
    spool::RecordView record;
    for (uint64_t unit = 0; spool::read_record(s->view(), unit, record) == spool::ReadOutcome::record;
         unit += record.units)
      if (record.is_event()) see(record, *s, unit);
  }
}

struct Found {
  std::map<uint32_t, int> waiting;  // how often, by serial
  uint64_t by_entry[kCrashEntries] = {};
};

Found what_waits(const std::string& folder, const spool::SlotFolders& folders) {
  Found found;
  const auto take = [&](const spool::RecordView& record, const spool::Segment& segment, uint64_t unit) {
    if (segment.settlement(unit) != 0) return;
    ++found.waiting[serial_of(record)];
    ++found.by_entry[record.header->index];
  };
  for (const auto& each : folders.logs)
    read_log(*must(spool::Log::open(folder, each.path, each.generation.value)), take);
  spool::AsideLogs::Options options;
  options.spool = folder;
  const auto aside = must(spool::AsideLogs::open(options));
  for (const auto& [topic, log] : aside->all()) read_log(log->log(), take);
  return found;
}

void expect_serials(const Told& told, const Found& found) {
  for (uint32_t serial = 0; serial < told.serials.load(); ++serial) {
    const auto at = found.waiting.find(serial);
    const int times = at == found.waiting.end() ? 0 : at->second;
    EXPECT_LE(times, 1) << "event " << serial << " waits twice";
    const auto appended = told.appended[serial].load(), settled = told.settled[serial].load();
    if (settled == Told::done) {
      EXPECT_EQ(times, 0) << "event " << serial << " is settled and waits";
    } else if (settled == Told::no && appended == Told::done && !told.settles_untold.load()) {
      EXPECT_EQ(times, 1) << "event " << serial << " is missing";
    }
  }
}

void expect_lines(const Told& told, const Found& found, ledger::Ledger& books) {
  uint64_t begun[kCrashEntries] = {}, done[kCrashEntries] = {}, settled[kCrashEntries] = {},
           settling[kCrashEntries] = {};
  for (uint32_t serial = 0; serial < told.serials.load(); ++serial) {
    const size_t entry = told.entry[serial].load();
    ++(told.appended[serial].load() == Told::done ? done : begun)[entry];
    if (told.settled[serial].load() == Told::done) ++settled[entry];
    if (told.settled[serial].load() == Told::begun) ++settling[entry];
  }
  uint64_t appended_sum = 0, acknowledged_sum = 0;
  for (uint32_t i = 0; i < kCrashEntries; ++i) {
    SCOPED_TRACE("entry " + std::to_string(i));
    const ledger::Entry* line = books.used_line(EntryIndex{i});
    ASSERT_NE(line, nullptr);
    const auto counts = ledger::counts_of(*line);
    EXPECT_EQ(counts.received, counts.acknowledged + counts.waiting + counts.lost + counts.coalesced);
    EXPECT_EQ(counts.waiting, found.by_entry[i]);
    EXPECT_GE(counts.received, done[i]);
    EXPECT_LE(counts.received, done[i] + begun[i]);
    const uint64_t all_settled = counts.received - counts.waiting;
    EXPECT_GE(all_settled, settled[i]);
    if (!told.settles_untold.load()) {
      EXPECT_LE(all_settled, settled[i] + settling[i]);
    }
    appended_sum += line->ca.appended.load();
    acknowledged_sum += line->publisher.acknowledged.load();
  }
  EXPECT_EQ(books.header().appended.load(), appended_sum);
  EXPECT_EQ(books.header().acknowledged.load(), acknowledged_sum);
  uint64_t waiting = 0;
  for (const uint64_t of_entry : found.by_entry) waiting += of_entry;
  EXPECT_EQ(ledger::waiting_of(books.header()), waiting);
}

// Of memory, where there is such a one: hundreds of logs are made.
std::filesystem::path fast_folder() {
  const char* const memory = "/dev/shm";
  return ::access(memory, W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

spool::LiveLogOptions with_spares(const std::string& folder, size_t spares) {
  auto options = small_spool(folder);
  options.spares = spares;
  return options;
}

// How a child ended: its exit code; -1: of a signal.
template <class Do>
int in_child(Do&& what) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      what();
    } catch (const std::exception& problem) {
      ::write(2, problem.what(), std::strlen(problem.what()));
      ::_exit(2);
    }
    ::_exit(0);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -2;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void recover_dying(const std::string& folder) {
  for (uint64_t die_at = 1; die_at < 500; ++die_at) {
    const int ended = in_child([&] {
      auto books = must(ledger::Ledger::open_for_repair(folder + "/ledger"));
      StoreTrace::begin(folder, die_at);
      const auto folders = must(spool::find_slot_folders(folder, kSlot));
      must(spool::recover(folder, folders, *books));
      StoreTrace::end();
    });
    if (ended == 0) return;
    ASSERT_EQ(ended, testing::kDiedAsTold) << "recovery, store " << die_at;
  }
  FAIL() << "recovery comes to no end";
}

}  // namespace

CrashWorld::CrashWorld(const std::string& in, Told& t, uint64_t die_at, size_t spares)
    : folder(in), told(t), log(folder, with_spares(folder, spares)), settler(*log.books), die_at_(die_at) {
  for (uint32_t i = 0; i < kCrashEntries; ++i)
    entries_.push_back(&log.open(i, topic_of(i), "channel" + std::to_string(i)));
}

std::string CrashWorld::topic_of(uint32_t entry) {
  return entry < 2 ? "topic0" : "topic" + std::to_string(entry);
}

void CrashWorld::trace() {
  StoreTrace::begin(folder, die_at_);
}

uint32_t CrashWorld::append(uint32_t entry, size_t elements) {
  const uint32_t serial = told.serials.load();
  told.entry[serial].store(static_cast<uint8_t>(entry));
  told.appended[serial].store(Told::begun);
  told.serials.store(serial + 1);
  const auto& lost = log.books->used_line(EntryIndex{entry})->ca.lost_unspooled;
  const uint64_t lost_before = lost.load();
  if (elements == 0) {
    log.intake->error(*entries_[entry], std::to_string(serial), ledger::Thread::ca_callback);
  } else {
    const std::vector<double> values(elements, serial);
    log.intake->event(*entries_[entry], CaEvent{6, 0, 0, 1, 0, static_cast<uint32_t>(elements),
                                                std::as_bytes(std::span(values))});
  }
  if (lost.load() != lost_before) throw std::runtime_error("no segment was ready");
  told.appended[serial].store(Told::done);
  return serial;
}

void CrashWorld::fill_segment(uint32_t entry, size_t elements) {
  const uint64_t units = spool::units_of(sizeof(spool::EventRecord) + elements * sizeof(double));
  append(entry, elements);
  for (;;) {
    const spool::Segment& active = log.live->active();
    spool::LogReader reader = log.reader();
    spool::RecordView record;
    while (reader.peek(record) == spool::ReadOutcome::record) reader.skip(record);
    if (active.units() - reader.unit() < units) return;
    append(entry, elements);
  }
}

std::vector<WaitingEvent> CrashWorld::read() {
  std::vector<WaitingEvent> all;
  spool::LogReader reader = log.reader();
  spool::RecordView record;
  for (; reader.peek(record) == spool::ReadOutcome::record; reader.skip(record)) {
    spool::SegmentUse& use = reader.segment()->use();
    const bool is_new = reader.unit() >= use.read_upto;
    if (is_new) use.read_upto = reader.unit() + record.units;
    if (!record.is_event()) continue;
    if (is_new) ++use.events;
    const spool::StandingRecord standing{&log.live->log(), reader.segment(), reader.unit()};
    if (!standing.is_settled()) all.push_back({standing, serial_of(record)});
  }
  return all;
}

void CrashWorld::settle(const WaitingEvent& which, int how) {
  told.settled[which.serial].store(Told::begun);
  if (how == 0) {
    settler.acknowledge(which.record, {0, 1, 1});
  } else if (how == 1) {
    settler.lose(which.record, ledger::LossReason::encoding_failed, 1);
  } else {
    settler.coalesce(which.record);
  }
  told.settled[which.serial].store(Told::done);
}

void CrashWorld::settle_all() {
  int how = 0;
  for (const auto& event : read()) settle(event, how++ % 3);
}

spool::AsideLogs& CrashWorld::aside() {
  if (!aside_) {
    spool::AsideLogs::Options options;
    options.spool = folder;
    options.max_bytes = 1u << 20;
    options.largest_data_bytes = 16u << 10;
    aside_ = must(spool::AsideLogs::open(options));
  }
  return *aside_;
}

WaitingEvent CrashWorld::move(const WaitingEvent& which) {
  spool::RecordView record;
  if (spool::read_record(which.record.segment->view(), which.record.unit, record) !=
      spool::ReadOutcome::record)
    throw std::runtime_error("no record to move");
  const uint32_t entry = record.header->index;
  spool::AsideLog* to = must(aside().get(topic_of(entry)));
  const std::string topic = topic_of(entry), channel = "channel" + std::to_string(entry);
  return {must(to->move(settler, which.record, record, {topic, channel, ""})), which.serial};
}

void CrashWorld::finish() {
  told.stores.store(StoreTrace::end());
  ::_exit(0);
}

void CrashWorld::wait_until(const std::function<bool()>& done) {
  const auto give_up = monotonic_now().value + 5 * kNsPerSecond;
  while (!done() && monotonic_now().value < give_up) ::usleep(100);
}

void expect_balance(const std::string& folder, const Told& told) {
  auto books = must(ledger::Ledger::open_for_repair(folder + "/ledger"));
  const auto folders = must(spool::find_slot_folders(folder, kSlot));
  must(spool::recover(folder, folders, *books));
  const Found found = what_waits(folder, folders);
  expect_serials(told, found);
  expect_lines(told, found, *books);
  EXPECT_EQ(books->header().unreconciled.load(), 0u) << "recovery thinks that a log is missing";
  // Again: nothing changes.
  const auto again = must(spool::recover(folder, folders, *books));
  EXPECT_FALSE(again.counted);
  EXPECT_FALSE(again.settlement_completed);
  expect_lines(told, found, *books);
}

void die_everywhere(const CrashPlan& plan) {
  if (!StoreTrace::is_possible()) GTEST_SKIP() << "stores are traced on x86-64 only";
  auto* told = static_cast<Told*>(
      ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(told), MAP_FAILED);
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  uint64_t stores = 0, stride = 1;
  // The first one lives, and counts.
  for (uint64_t die_at = 0; die_at <= stores;) {
    SCOPED_TRACE("died behind store " + std::to_string(die_at) + " of " + std::to_string(stores));
    new (told) Told{};
    TemporaryFolder folder(fast_folder());
    const int ended = in_child([&] {
      CrashWorld world(folder.path(), *told, die_at, plan.spares);
      plan.what(world);
      world.finish();
    });
    // Threads beside it come to more or less: then it may live longer than it did the first time.
    ASSERT_TRUE(ended == testing::kDiedAsTold || ended == 0) << "it ended by itself: " << ended;
    if (die_at == 0) {
      stores = told->stores.load();
      stride = std::max<uint64_t>(1, stores / plan.most_deaths);
      ASSERT_GT(stores, 0u);
    }
    if (plan.recovery_dies) recover_dying(folder.path());
    expect_balance(folder.path(), *told);
    if (::testing::Test::HasFailure()) break;
    die_at += stride == 1 ? 1 : 1 + random() % (2 * stride - 1);
  }
  ::testing::Test::RecordProperty("stores", static_cast<int>(stores));
  ::munmap(told, sizeof(Told));
}

}  // namespace e2k::worker
