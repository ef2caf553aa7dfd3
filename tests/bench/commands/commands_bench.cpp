// What the command state costs in time and memory, and what a plan costs. Names are as long as a site's are.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <string>
#include <vector>

#include "supervisor/commands/command_state.h"
#include "supervisor/plan/planner.h"

namespace e2k::supervisor {
namespace {

struct Record {
  std::string key, value;
};

// `topics` apart, so that sharing of their names counts as it would: 0 gives each channel its own.
std::vector<Record> records(size_t count, KeyForm form, size_t topics) {
  std::vector<Record> made;
  for (size_t i = 0; i < count; ++i) {
    EntrySpec entry{"", "IOC" + std::to_string(i % 100) + ":device" + std::to_string(i) + ":current", Mask{5},
                    ""};
    entry.topic = topics == 0 ? "topic-of-device" + std::to_string(i) : "topic" + std::to_string(i % topics);
    made.push_back({command_key(entry, form), command_value(entry, form)});
  }
  return made;
}

CommandState fold(const std::vector<Record>& log) {
  CommandState state([](std::string_view) { return std::nullopt; }, 1'000'000);
  std::vector<Change> changes;
  int64_t offset = 0;
  for (const Record& record : log) {
    changes.clear();
    state.apply(0, offset++, 0, record.key, record.value, changes);
  }
  return state;
}

void fold_25000_records(benchmark::State& state, KeyForm form) {
  const auto log = records(25'000, form, 40);
  for (auto _ : state) benchmark::DoNotOptimize(fold(log).size());
}

void memory_of_100000_entries(benchmark::State& state, KeyForm form, size_t topics) {
  const auto log = records(100'000, form, topics);
  double bytes = 0;
  for (auto _ : state) {
    const auto used = [] {
      const struct mallinfo2 info = ::mallinfo2();
      return info.uordblks + info.hblkhd;
    };
    const size_t before = used();
    const CommandState folded = fold(log);
    bytes = static_cast<double>(used() - before) / static_cast<double>(folded.size());
  }
  state.counters["bytes_per_entry"] = bytes;
}

void plan_100000_channels(benchmark::State& state, bool placed) {
  std::vector<std::string> names;
  for (size_t i = 0; i < 100'000; ++i)
    names.push_back("IOC" + std::to_string(i % 100) + ":device" + std::to_string(i));
  std::vector<PlannedChannel> channels;
  // Placed: 15 workers hold everything and a sixteenth is new.
  for (size_t i = 0; i < names.size(); ++i) {
    PlannedChannel channel{names[i], std::nullopt, false, std::nullopt};
    if (placed) channel.holder = Slot{static_cast<uint16_t>(i % 15)};
    channels.push_back(channel);
  }
  std::vector<Slot> workers;
  for (uint16_t i = 0; i < 16; ++i) workers.push_back(Slot{i});
  for (auto _ : state) benchmark::DoNotOptimize(plan(channels, workers));
}

// Evenly held, and now the IOCs are known: nearly everything moves.
void plan_100000_channels_by_ioc(benchmark::State& state, size_t iocs) {
  std::vector<std::string> names;
  std::vector<PlannedChannel> channels;
  for (size_t i = 0; i < 100'000; ++i) names.push_back("IOC:device" + std::to_string(i));
  for (size_t i = 0; i < names.size(); ++i)
    channels.push_back(
        {names[i], Slot{static_cast<uint16_t>(i % 16)}, false, static_cast<uint32_t>(i / 16 % iocs)});
  std::vector<Slot> workers;
  for (uint16_t i = 0; i < 16; ++i) workers.push_back(Slot{i});
  for (auto _ : state) benchmark::DoNotOptimize(plan_by_ioc(channels, workers));
}

BENCHMARK_CAPTURE(fold_25000_records, plain, KeyForm::plain)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fold_25000_records, json, KeyForm::json)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(memory_of_100000_entries, plain, KeyForm::plain, 40)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(memory_of_100000_entries, plain_topic_each, KeyForm::plain, 0)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(memory_of_100000_entries, json, KeyForm::json, 40)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan_100000_channels, all_new, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan_100000_channels, one_worker_more, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan_100000_channels_by_ioc, of_100_iocs, 100)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan_100000_channels_by_ioc, of_10000_iocs, 10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace e2k::supervisor
