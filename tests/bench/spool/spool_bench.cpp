// What an append costs, intake, ledger and clock included, and what reading the log back costs.
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/spool/spool_fixture.h"

namespace e2k::worker {
namespace {

spool::LiveLogOptions bench_spool(const std::string& folder) {
  spool::LiveLogOptions o;
  o.spool = folder;
  o.directory = folder + "/0.1";
  o.max_bytes = uint64_t{1} << 30;
  o.spares = 4;
  return o;
}

// Gives back everything that was appended, as a publisher does that keeps up, and lets the keeper get ahead
// again; outside the measured time.
void catch_up(benchmark::State& state, LogUnderTest& log, spool::LogReader& reader) {
  state.PauseTiming();
  spool::RecordView r;
  while (reader.peek(r) == spool::ReadOutcome::record) reader.skip(r);
  log.give_back_before(reader);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  state.ResumeTiming();
}

void append_scalar_doubles(benchmark::State& state) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path(), bench_spool(folder.path()));
  spool::LogReader reader = log.reader();
  std::vector<IntakeEntry*> entries;
  const auto channels = static_cast<uint32_t>(state.range(0));
  for (uint32_t i = 0; i < channels; ++i)
    entries.push_back(&log.open(i, "topic", "channel" + std::to_string(i)));
  double value = 0;
  uint32_t next = 0;
  int64_t since = 0;
  for (auto _ : state) {
    value += 1;
    log.intake->event(*entries[next], DoubleEvent(value));
    if (++next == channels) next = 0;
    if (++since == 500'000) {
      catch_up(state, log, reader);
      since = 0;
    }
  }
  state.counters["lost"] = static_cast<double>(log.books->header().lost_unspooled[1].load());
}
BENCHMARK(append_scalar_doubles)->Arg(1)->Arg(1000)->Arg(4000);

// A publisher on another core settles behind the appends: it writes the other line of the same entries.
void append_beside_a_settling_thread(benchmark::State& state) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path(), bench_spool(folder.path()));
  spool::LogReader reader = log.reader();
  std::vector<IntakeEntry*> entries;
  const auto channels = static_cast<uint32_t>(state.range(0));
  for (uint32_t i = 0; i < channels; ++i)
    entries.push_back(&log.open(i, "topic", "channel" + std::to_string(i)));
  ledger::Entry* const lines = log.books->entries();
  std::atomic<bool> stop{false};
  std::thread settling([&] {
    while (!stop)
      for (uint32_t i = 0; i < channels && !stop; ++i) {
        auto& line = lines[i].publisher;
        const auto relaxed = std::memory_order_relaxed;
        line.acknowledged.store(line.acknowledged.load(relaxed) + 1, relaxed);
        line.last_offset.store(line.last_offset.load(relaxed) + 1, relaxed);
        for (int pause = 0; pause < 100; ++pause) benchmark::DoNotOptimize(pause);
      }
  });
  double value = 0;
  uint32_t next = 0;
  int64_t since = 0;
  for (auto _ : state) {
    value += 1;
    log.intake->event(*entries[next], DoubleEvent(value));
    if (++next == channels) next = 0;
    if (++since == 500'000) {
      catch_up(state, log, reader);
      since = 0;
    }
  }
  stop = true;
  settling.join();
}
BENCHMARK(append_beside_a_settling_thread)->Arg(1)->Arg(1000);

// One monitor event for so many entries (topics) of the channel.
void deliver_to_entries(benchmark::State& state) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path(), bench_spool(folder.path()));
  spool::LogReader reader = log.reader();
  std::vector<IntakeEntry*> entries;
  const auto count = static_cast<uint32_t>(state.range(0));
  for (uint32_t i = 0; i < count; ++i)
    entries.push_back(&log.open(i, "topic" + std::to_string(i), "channel"));
  double value = 0;
  int64_t since = 0;
  for (auto _ : state) {
    value += 1;
    log.intake->event(entries, DoubleEvent(value));
    if ((since += count) >= 500'000) {
      catch_up(state, log, reader);
      since = 0;
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * count);
}
BENCHMARK(deliver_to_entries)->Arg(1)->Arg(10);

void append_arrays_of_1000_doubles(benchmark::State& state) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path(), bench_spool(folder.path()));
  spool::LogReader reader = log.reader();
  IntakeEntry& e = log.open(0);
  std::vector<double> values(1000, 1.5);
  int64_t since = 0;
  for (auto _ : state) {
    log.intake->event(e, CaEvent{6, 0, 0, 1, 0, 1000, std::as_bytes(std::span(values))});
    if (++since == 4000) {
      catch_up(state, log, reader);
      since = 0;
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * 8000);
  state.counters["lost"] = static_cast<double>(log.books->header().lost_unspooled[1].load());
}
BENCHMARK(append_arrays_of_1000_doubles);

void read_scalar_doubles(benchmark::State& state) {
  TemporaryFolder folder;
  LogUnderTest log(folder.path(), bench_spool(folder.path()));
  IntakeEntry& e = log.open(0);
  for (int i = 0; i < 250'000; ++i) log.intake->event(e, DoubleEvent(i));
  spool::LogReader reader = log.reader();
  spool::RecordView r;
  for (auto _ : state) {
    if (reader.peek(r) != spool::ReadOutcome::record) {
      reader.seek({});
      continue;
    }
    benchmark::DoNotOptimize(r.value().data());
    reader.skip(r);
  }
}
BENCHMARK(read_scalar_doubles);

}  // namespace
}  // namespace e2k::worker
