// What one event costs in its JSON form. The values are measured ones' like: full digits, all different.
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <vector>

#include "worker/encode/encoder.h"

namespace e2k::worker {
namespace {

constexpr size_t kValues = 4096;

std::vector<double> measured_values() {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> between(-1000, 1000);
  std::vector<double> values(kValues);
  for (double& value : values) value = between(random);
  return values;
}

std::vector<double> counts() {
  std::vector<double> values(kValues);
  for (size_t i = 0; i < kValues; ++i) values[i] = static_cast<double>(1000 * i);
  return values;
}

void encode(benchmark::State& state, const char* converter, const std::vector<double>& values,
            size_t elements) {
  const auto encoder = make_value_encoder(converter, "EPICS_CA_DBR", {});
  Buffer out;
  EventView event;
  event.type = DbrType::float64;
  event.count = static_cast<uint32_t>(elements);
  size_t at = 0;
  for (auto _ : state) {
    if (at + elements > values.size()) at = 0;
    event.value = std::as_bytes(std::span(values).subspan(at, elements));
    at += elements;
    out.clear();
    benchmark::DoNotOptimize((*encoder)->encode(event, out));
    benchmark::ClobberMemory();
  }
}

BENCHMARK_CAPTURE(encode, json_scalar_double, "json", measured_values(), 1);
BENCHMARK_CAPTURE(encode, json_scalar_count, "json", counts(), 1);
BENCHMARK_CAPTURE(encode, json_envelope_scalar_double, "json-schema-envelope", measured_values(), 1);
BENCHMARK_CAPTURE(encode, json_1000_doubles, "json", measured_values(), 1000);

}  // namespace
}  // namespace e2k::worker
