// The same events through the formats' own libraries: what the hand-written encoders are measured against.
// The names say so: library/avro_scalar_double beside encode/avro_scalar_double.
#include <avro.h>
#include <benchmark/benchmark.h>

#include <cstring>
#include <msgpack.hpp>

#include "tests/bench/encode/events.h"
#include "value.pb.h"

namespace e2k::worker {
namespace {

constexpr size_t kHead = 6;  // a zero byte, the schema's id, the message's index

const double* doubles_of(const EventView& event) {
  return reinterpret_cast<const double*>(event.value.data());
}

class ProtobufLibrary {
public:
  void encode(const EventView& event) {
    record_.Clear();
    record_.set_status(event.status);
    record_.set_severity(event.severity);
    record_.mutable_doublevalues()->Add(doubles_of(event), doubles_of(event) + event.count);
    out_.resize(kHead);
    record_.AppendToString(&out_);
  }

private:
  e2k_bench::Value record_;
  std::string out_;
};

class MsgpackLibrary {
public:
  void encode(const EventView& event) {
    out_.clear();
    msgpack::packer<msgpack::sbuffer> packer(out_);
    packer.pack_map(3);
    pack_name(packer, "status");
    packer.pack(int32_t{event.status});
    pack_name(packer, "severity");
    packer.pack(int32_t{event.severity});
    pack_name(packer, "doubleValues");
    packer.pack_array(event.count);
    for (uint32_t i = 0; i < event.count; ++i) packer.pack(doubles_of(event)[i]);
  }

private:
  static void pack_name(msgpack::packer<msgpack::sbuffer>& packer, std::string_view name) {
    packer.pack_str(static_cast<uint32_t>(name.size()));
    packer.pack_str_body(name.data(), static_cast<uint32_t>(name.size()));
  }
  msgpack::sbuffer out_;
};

class AvroLibrary {
public:
  AvroLibrary() {
    const auto encoder = make_value_encoder("avro", "EPICS_CA_DBR", {});
    const std::string& text = (*encoder)->schema()->text;
    avro_schema_from_json_length(text.data(), text.size(), &schema_);
    class_ = avro_generic_class_from_schema(schema_);
    avro_generic_value_new(class_, &record_);
    out_.resize(64 * 1024);
  }
  ~AvroLibrary() {
    avro_value_decref(&record_);
    avro_value_iface_decref(class_);
    avro_schema_decref(schema_);
  }
  void encode(const EventView& event) {
    avro_value_reset(&record_);
    set("error", 0);
    avro_value_t status = set("status", 1), severity = set("severity", 1);
    avro_value_set_int(&status, event.status);
    avro_value_set_int(&severity, event.severity);
    avro_value_t values = set("doubleValues", 1);
    for (uint32_t i = 0; i < event.count; ++i) {
      avro_value_t element, branch;
      avro_value_append(&values, &element, nullptr);
      avro_value_set_branch(&element, 1, &branch);
      avro_value_set_double(&branch, doubles_of(event)[i]);
    }
    for (const char* name : {"floatValues", "stringValues", "intValues", "shortValues", "byteValues"})
      set(name, 0);
    avro_writer_t writer = avro_writer_memory(out_.data() + kHead, static_cast<int64_t>(out_.size() - kHead));
    benchmark::DoNotOptimize(avro_value_write(writer, &record_));
    avro_writer_free(writer);
  }

private:
  avro_value_t set(const char* name, int branch) {
    avro_value_t field, chosen;
    avro_value_get_by_name(&record_, name, &field, nullptr);
    avro_value_set_branch(&field, branch, &chosen);
    return chosen;
  }
  avro_schema_t schema_ = nullptr;
  avro_value_iface_t* class_ = nullptr;
  avro_value_t record_{};
  std::string out_;
};

template <class Library>
void library(benchmark::State& state, Library&& library, size_t elements) {
  const std::vector<double> values = bench::measured_values();
  size_t at = 0;
  for (auto _ : state) {
    library.encode(bench::event_of(values, at, elements));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * elements * sizeof(double)));
}

BENCHMARK_CAPTURE(library, avro_scalar_double, AvroLibrary(), 1);
BENCHMARK_CAPTURE(library, protobuf_scalar_double, ProtobufLibrary(), 1);
BENCHMARK_CAPTURE(library, msgpack_scalar_double, MsgpackLibrary(), 1);
BENCHMARK_CAPTURE(library, avro_1000_doubles, AvroLibrary(), 1000);
BENCHMARK_CAPTURE(library, protobuf_1000_doubles, ProtobufLibrary(), 1000);
BENCHMARK_CAPTURE(library, msgpack_1000_doubles, MsgpackLibrary(), 1000);

}  // namespace
}  // namespace e2k::worker
