// What one event costs in each form. The values are measured ones' like: full digits, all different; each
// event has an alarm, so that every field of it is written.
#include <benchmark/benchmark.h>

#include "tests/bench/encode/events.h"
#include "worker/encode/encoder.h"

namespace e2k::worker {
namespace {

void encode(benchmark::State& state, const char* converter, const std::vector<double>& values,
            size_t elements) {
  const auto encoder = make_value_encoder(converter, "EPICS_CA_DBR", {});
  Buffer out;
  size_t at = 0;
  for (auto _ : state) {
    const EventView event = bench::event_of(values, at, elements);
    out.clear();
    benchmark::DoNotOptimize((*encoder)->encode(event, out));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * elements * sizeof(double)));
}

BENCHMARK_CAPTURE(encode, json_scalar_double, "json", bench::measured_values(), 1);
BENCHMARK_CAPTURE(encode, json_scalar_count, "json", bench::counts(), 1);
BENCHMARK_CAPTURE(encode, envelope_scalar_double, "json-schema-envelope", bench::measured_values(), 1);
BENCHMARK_CAPTURE(encode, jsonschema_scalar_double, "jsonschema", bench::measured_values(), 1);
BENCHMARK_CAPTURE(encode, string_scalar_double, "string", bench::measured_values(), 1);
BENCHMARK_CAPTURE(encode, avro_scalar_double, "avro", bench::measured_values(), 1);
BENCHMARK_CAPTURE(encode, protobuf_scalar_double, "protobuf", bench::measured_values(), 1);
BENCHMARK_CAPTURE(encode, msgpack_scalar_double, "msgpack", bench::measured_values(), 1);
BENCHMARK_CAPTURE(encode, json_1000_doubles, "json", bench::measured_values(), 1000);
BENCHMARK_CAPTURE(encode, string_1000_doubles, "string", bench::measured_values(), 1000);
BENCHMARK_CAPTURE(encode, avro_1000_doubles, "avro", bench::measured_values(), 1000);
BENCHMARK_CAPTURE(encode, protobuf_1000_doubles, "protobuf", bench::measured_values(), 1000);
BENCHMARK_CAPTURE(encode, msgpack_1000_doubles, "msgpack", bench::measured_values(), 1000);

}  // namespace
}  // namespace e2k::worker
