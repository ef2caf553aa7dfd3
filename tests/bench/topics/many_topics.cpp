// What bounds a librdkafka producer with many topics, and which remedy helps: librdkafka alone, in the way
// the publisher uses it. Records of CHANNELS keys in turn, each of the topic CHANNEL mod TOPICS, are handed
// over in bunches (every nap), a window bounds what is in flight, one thread produces and serves reports.
//
// Prints one line: what was asked, the share of it that was acknowledged while the load ran, CPU of this
// process and of the broker an event, produce requests a second, records a request, and how long a record
// took from its due time to its report. Topics NAME0, NAME1, … must be there (`tests/bench/many_topics` makes
// them).
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int16_t kProduceRequest = 0;
constexpr int64_t kNsPerSecond = 1'000'000'000;

struct Options {
  std::string bootstrap, name = "many-";
  size_t topics = 1, channels = 5000, producers = 1, value_bytes = 180;
  int64_t rate = 25'000;
  uint64_t window = 65'536;
  double seconds = 10, nap_ms = 10;
  bool sorted = false;
  pid_t broker = 0;
  std::vector<std::string> settings;
};

std::atomic<uint64_t> requests_sent{0};

int64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return t.tv_sec * kNsPerSecond + t.tv_nsec;
}

// CPU time of all its threads; see clock_getcpuclockid(3).
double cpu_seconds(pid_t pid) {
  clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
  if (pid != 0 && ::clock_getcpuclockid(pid, &clock) != 0) return 0;
  return static_cast<double>(now_ns(clock)) / 1e9;
}

void must(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what);
}

rd_kafka_resp_err_t count_request(rd_kafka_t*, int, const char*, int32_t, int16_t api, int16_t, int32_t,
                                  size_t, void*) {
  if (api == kProduceRequest) requests_sent.fetch_add(1, std::memory_order_relaxed);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t watch_requests(rd_kafka_t* handle, const rd_kafka_conf_t*, void*, char*, size_t) {
  return rd_kafka_interceptor_add_on_request_sent(handle, "count", count_request, nullptr);
}

struct Account {
  uint64_t produced = 0, acknowledged = 0, failed = 0;
  std::vector<uint32_t> latency_us;
};

class Producer {
public:
  Producer(const Options& options, size_t number) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char why[512];
    const auto set = [&](const std::string& name, const std::string& value) {
      must(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) == RD_KAFKA_CONF_OK, why);
    };
    for (auto [name, value] : {std::pair{"acks", "all"},
                               {"enable.idempotence", "true"},
                               {"message.timeout.ms", "0"},
                               {"enable.gapless.guarantee", "true"},
                               {"queue.buffering.max.messages", "1000000"},
                               {"linger.ms", "1"},
                               {"partitioner", "murmur2_random"},
                               {"log_level", "3"}})
      set(name, value);
    set("bootstrap.servers", options.bootstrap);
    for (const std::string& s : options.settings) set(s.substr(0, s.find('=')), s.substr(s.find('=') + 1));
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    must(rd_kafka_conf_interceptor_add_on_new(conf, "count", watch_requests, nullptr) == 0, "interceptor");
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    must(handle_ != nullptr, why);
    reports_ = rd_kafka_queue_get_main(handle_);
    topics_.resize(options.topics);
    for (size_t i = number; i < options.topics; i += options.producers)
      topics_[i] = rd_kafka_topic_new(handle_, (options.name + std::to_string(i)).c_str(), nullptr);
  }

  bool produce(size_t topic, const std::string& key, const std::string& value, int64_t due_ns) {
    return rd_kafka_produce(topics_[topic], RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            const_cast<char*>(value.data()), value.size(), key.data(), key.size(),
                            reinterpret_cast<void*>(due_ns)) == 0;
  }

  void serve(Account& account) {
    const int64_t now = now_ns();
    while (rd_kafka_event_t* event = rd_kafka_queue_poll(reports_, 0)) {
      if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        while (const rd_kafka_message_t* m = rd_kafka_event_message_next(event)) {
          ++(m->err == RD_KAFKA_RESP_ERR_NO_ERROR ? account.acknowledged : account.failed);
          const int64_t took = (now - reinterpret_cast<int64_t>(m->_private)) / 1000;
          account.latency_us.push_back(static_cast<uint32_t>(std::min<int64_t>(took, UINT32_MAX)));
        }
      } else {
        std::fprintf(stderr, "librdkafka: %s\n", rd_kafka_event_error_string(event));
      }
      rd_kafka_event_destroy(event);
    }
  }

private:
  rd_kafka_t* handle_;
  rd_kafka_queue_t* reports_;
  std::vector<rd_kafka_topic_t*> topics_;
};

class Load {
public:
  explicit Load(const Options& options) : o_(options), value_(options.value_bytes, 'x') {
    for (size_t i = 0; i < o_.producers; ++i) producers_.push_back(std::make_unique<Producer>(o_, i));
    for (size_t i = 0; i < o_.channels; ++i) keys_.push_back("bench:channel" + std::to_string(i));
  }

  void serve() {
    for (auto& producer : producers_) producer->serve(account_);
  }
  // One record a channel, so that every topic is known and every partition has its leader.
  void warm_up() {
    for (size_t i = 0; i < o_.channels; ++i) give(i, now_ns());
    const int64_t give_up = now_ns() + 60 * kNsPerSecond;
    while (in_flight() != 0 && now_ns() < give_up) {
      serve();
      nap();
    }
    must(in_flight() == 0, "the first records were not acknowledged within a minute");
    account_ = {};
  }

  void run() {
    const double cpu = cpu_seconds(0), broker = cpu_seconds(o_.broker);
    const uint64_t requests = requests_sent.load();
    const int64_t begin = now_ns();
    const auto end = begin + static_cast<int64_t>(o_.seconds * 1e9);
    account_.latency_us.reserve(static_cast<size_t>(o_.rate * static_cast<int64_t>(o_.seconds + 1)));
    for (int64_t now = begin; now < end; now = now_ns()) {
      serve();
      const auto due =
          static_cast<uint64_t>(static_cast<double>(now - begin) / 1e9 * static_cast<double>(o_.rate));
      hand_over(due, begin);
      nap();
    }
    serve();
    report(cpu_seconds(0) - cpu, cpu_seconds(o_.broker) - broker, requests_sent.load() - requests,
           static_cast<double>(now_ns() - begin) / 1e9);
  }

private:
  struct Due {
    size_t channel;
    int64_t at_ns;
  };
  uint64_t in_flight() const { return account_.produced - account_.acknowledged - account_.failed; }
  // Each record carries the time at which it was due.
  void hand_over(uint64_t due, int64_t begin_ns) {
    bunch_.clear();
    for (uint64_t n = account_.produced; n < due && in_flight() + bunch_.size() < o_.window; ++n)
      bunch_.push_back(
          {turn_++ % o_.channels,
           begin_ns + static_cast<int64_t>(static_cast<double>(n) * 1e9 / static_cast<double>(o_.rate))});
    if (o_.sorted)
      std::stable_sort(bunch_.begin(), bunch_.end(), [&](const Due& a, const Due& b) {
        return a.channel % o_.topics < b.channel % o_.topics;
      });
    for (const Due& record : bunch_) give(record.channel, record.at_ns);
  }
  void give(size_t channel, int64_t due_ns) {
    const size_t topic = channel % o_.topics;
    if (producers_[topic % o_.producers]->produce(topic, keys_[channel], value_, due_ns)) ++account_.produced;
  }
  void nap() const {
    const timespec t{0, static_cast<long>(o_.nap_ms * 1e6)};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &t, nullptr);
  }

  void report(double cpu, double broker, uint64_t requests, double wall) {
    auto& l = account_.latency_us;
    std::sort(l.begin(), l.end());
    const auto quantile = [&](double q) {
      return l.empty() ? 0.0 : l[static_cast<size_t>(q * static_cast<double>(l.size() - 1))] / 1000.0;
    };
    const auto n = static_cast<double>(account_.acknowledged);
    std::printf("{\"topics\":%zu,\"rate\":%" PRId64
                ",\"share\":%.3f,\"cpu_us\":%.2f,\"broker_us\":%.2f,"
                "\"cores\":%.2f,\"broker_cores\":%.2f,\"requests_s\":%.0f,\"records_a_request\":%.1f,"
                "\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"in_flight\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n",
                o_.topics, o_.rate, n / (static_cast<double>(o_.rate) * wall), cpu * 1e6 / n,
                broker * 1e6 / n, cpu / wall, broker / wall, static_cast<double>(requests) / wall,
                n / static_cast<double>(requests), quantile(.5), quantile(.99), in_flight(), account_.failed);
    std::fflush(stdout);
  }

  const Options o_;
  const std::string value_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::string> keys_;
  std::vector<Due> bunch_;
  size_t turn_ = 0;
  Account account_;
};

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app("One producer and many topics");
  app.add_option("--bootstrap", o.bootstrap, "Brokers")->required();
  app.add_option("--name", o.name, "Topics are NAME0, NAME1, …");
  app.add_option("--topics", o.topics, "Number of topics");
  app.add_option("--channels", o.channels, "Number of keys");
  app.add_option("--producers", o.producers, "Producers; each has its share of the topics");
  app.add_option("--rate", o.rate, "Records a second");
  app.add_option("--seconds", o.seconds, "Of load");
  app.add_option("--window", o.window, "Records in flight");
  app.add_option("--nap", o.nap_ms, "Milliseconds between two bunches");
  app.add_option("--value-bytes", o.value_bytes, "Size of a value");
  app.add_flag("--sorted", o.sorted, "Each bunch is handed over topic by topic");
  app.add_option("--broker-pid", o.broker, "Whose CPU time is told too");
  app.add_option("-X", o.settings, "A librdkafka property, name=value");
  CLI11_PARSE(app, argc, argv);
  try {
    Load load(o);
    load.warm_up();
    load.run();
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "many_topics: %s\n", problem.what());
    return 1;
  }
  std::_Exit(0);  // what is still queued is nobody's
}
