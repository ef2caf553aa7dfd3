// The data path alone under a paced load, beside a bare loop that produces from the source's own thread: CPU
// per event, rate and latency against a real broker. Not a test.
//
//   data_path_load BOOTSTRAP path|bare EVENTS_PER_S SECONDS CHANNELS [LINGER_MS]
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <time.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "common/kafka/conf.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/data_path.h"

namespace {

using namespace e2k;
using namespace e2k::worker;

struct Load {
  std::string bootstrap;
  int64_t rate, seconds;
  uint32_t channels;
  std::string linger;
};

double cpu_seconds() {
  rusage u{};
  ::getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// Calls `one(channel)` at the rate, in bursts of a millisecond as an IOC's circuit delivers them.
template <class One>
uint64_t pace(const Load& load, One&& one) {
  const int64_t begun = monotonic_now().value;
  const int64_t end = begun + load.seconds * kNsPerSecond;
  uint64_t sent = 0;
  uint32_t channel = 0;
  for (int64_t now = begun; now < end; now = monotonic_now().value) {
    const auto due =
        static_cast<uint64_t>(static_cast<double>(now - begun) / 1e9 * static_cast<double>(load.rate));
    for (; sent < due; ++sent) {
      one(channel);
      if (++channel == load.channels) channel = 0;
    }
    const timespec nap{0, 1'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
  }
  return sent;
}

void report(const char* what, uint64_t events, double cpu, int64_t wall_ns) {
  const auto n = static_cast<double>(events);
  std::printf("%-5s events %llu  cpu us/event %.3f  events/s %.0f\n", what,
              static_cast<unsigned long long>(events), cpu * 1e6 / n,
              n / (static_cast<double>(wall_ns) / 1e9));
}

void run_path(const Load& load) {
  TemporaryFolder folder;
  LaunchContract c;
  c.generation = Generation{1};
  c.ledger_path = folder.path() + "/ledger";
  c.spool_path = folder.path() + "/spool/0.1";
  c.spool_max_bytes = int64_t{1} << 30;
  c.max_event_bytes = 8 << 20;
  c.value_converter = "json";
  c.value_schema = "EPICS_CA_DBR";
  c.value_options = {{"schemas.enable", "false"}};
  c.key_converter = "string";
  c.timestamp = TimestampSource::arrival;
  c.producer = {{"bootstrap.servers", load.bootstrap}, {"linger.ms", load.linger}};
  auto path = DataPath::start(c);
  if (!path) {
    std::fprintf(stderr, "%s\n", path.error().message.c_str());
    std::exit(1);
  }
  std::vector<IntakeEntry*> entries;
  for (uint32_t i = 0; i < load.channels; ++i)
    entries.push_back((*path)->intake().open_entry(
        EntryIndex{i}, EntrySpec{"load", "bench:channel" + std::to_string(i), Mask{1}, ""}, 0));
  (*path)->intake().event(*entries[0], DoubleEvent(0));
  while ((*path)->publishing().waiting() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  ledger::Header& books = (*path)->books();
  std::vector<uint64_t> latency_before;
  for (const auto& bucket : books.latency_buckets) latency_before.push_back(bucket.load());
  const double cpu = cpu_seconds();
  const int64_t begun = monotonic_now().value;
  double value = 0;
  const uint64_t sent = pace(load, [&](uint32_t channel) {
    value += 0.1;
    (*path)->intake().event(*entries[channel], DoubleEvent(value));
  });
  const uint64_t waiting = (*path)->publishing().waiting();
  while ((*path)->publishing().waiting() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  report("path", sent, cpu_seconds() - cpu, monotonic_now().value - begun);
  std::printf("waiting at the end %llu, lost %llu, latency ms:", static_cast<unsigned long long>(waiting),
              static_cast<unsigned long long>(books.lost_unspooled[1].load()));
  for (size_t i = 0; i < ledger::kLatencyBuckets; ++i) {
    const uint64_t count = books.latency_buckets[i].load() - latency_before[i];
    if (count == 0) continue;
    if (i + 1 < ledger::kLatencyBuckets) {
      std::printf(" <=%g: %.1f%%", static_cast<double>(ledger::kLatencyBoundsNs[i]) / 1e6,
                  static_cast<double>(count) * 100 / static_cast<double>(sent));
    } else {
      std::printf(" more: %llu", static_cast<unsigned long long>(count));
    }
  }
  std::printf("\n");
  (*path)->stop(MonotonicNs{monotonic_now().value + 10 * kNsPerSecond});
}

void run_bare(const Load& load) {
  char reason[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (auto [name, value] : {std::pair{"bootstrap.servers", load.bootstrap.c_str()},
                             {"acks", "all"},
                             {"enable.idempotence", "true"},
                             {"linger.ms", load.linger.c_str()},
                             {"partitioner", "murmur2_random"}})
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) std::exit(1);
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t*, void*) {});
  kafka::Handle producer(rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason));
  kafka::Topic topic(rd_kafka_topic_new(producer.get(), "load", nullptr));
  std::atomic<bool> ending{false};
  std::thread poller([&] {
    while (!ending.load()) rd_kafka_poll(producer.get(), 100);
  });
  std::vector<std::string> keys;
  for (uint32_t i = 0; i < load.channels; ++i) keys.push_back("bench:channel" + std::to_string(i));
  rd_kafka_produce(topic.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, keys[0].data(), 1, nullptr, 0,
                   nullptr);
  rd_kafka_flush(producer.get(), 10000);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const double cpu = cpu_seconds();
  const int64_t begun = monotonic_now().value;
  double value = 0;
  const uint64_t sent = pace(load, [&](uint32_t channel) {
    value += 0.1;
    char text[256] = "{\"error\":null,\"status\":0,\"severity\":0,\"doubleValues\":[";
    char* end = text + std::strlen(text);
    end = std::to_chars(end, text + 128, value).ptr;
    const char rest[] =
        "],\"floatValues\":null,\"stringValues\":null,\"intValues\":null,\"shortValues\":null,\"byteValues\":"
        "null}";
    std::memcpy(end, rest, sizeof rest - 1);
    end += sizeof rest - 1;
    rd_kafka_producev(producer.get(), RD_KAFKA_V_RKT(topic.get()),
                      RD_KAFKA_V_KEY(keys[channel].data(), keys[channel].size()),
                      RD_KAFKA_V_VALUE(text, static_cast<size_t>(end - text)),
                      RD_KAFKA_V_TIMESTAMP(real_now().value / kNsPerMs),
                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
  });
  rd_kafka_flush(producer.get(), 20000);
  report("bare", sent, cpu_seconds() - cpu, monotonic_now().value - begun);
  ending = true;
  poller.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "use: data_path_load BOOTSTRAP path|bare EVENTS_PER_S SECONDS CHANNELS [LINGER_MS]\n");
    return 64;
  }
  const Load load{argv[1], std::atoll(argv[3]), std::atoll(argv[4]),
                  static_cast<uint32_t>(std::atoi(argv[5])), argc > 6 ? argv[6] : "5"};
  if (std::string_view(argv[2]) == "bare") {
    run_bare(load);
  } else {
    run_path(load);
  }
  return 0;
}
