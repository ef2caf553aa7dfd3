// The least that a program from Channel Access to Kafka can do: in libca's callback a double or an array of
// them becomes the same JSON record that the worker publishes, and goes to librdkafka with the same settings.
// No spool, no ledger, no reconnects, no other type. What the worker costs beyond it is the price of losing
// nothing.
//
// Prints {"subscribed":N} when every channel has its monitor; a line on stdin asks for the counts; it flushes
// and ends with its stdin.
#include <alarm.h>
#include <cadef.h>
#include <db_access.h>
#include <librdkafka/rdkafka.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <charconv>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr int64_t kEpicsEpochUnixSeconds = 631'152'000;
constexpr size_t kFrameBytes = 256, kNumberBytes = 32;

struct Counts {
  std::atomic<uint64_t> subscribed{0}, events{0}, refused{0};
  std::atomic<uint64_t> acknowledged{0}, failed{0};
};

struct Harness {
  rd_kafka_t* kafka = nullptr;
  rd_kafka_topic_t* topic = nullptr;
  Counts counts;
};

struct Channel {
  Harness* harness;
  std::string name;
  chid id = nullptr;
};

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// `begin` has room for kFrameBytes and kNumberBytes an element.
size_t write_record(char* begin, const dbr_time_double& event, size_t count) {
  char* out = put(begin, "{\"error\":null,\"status\":");
  out = std::to_chars(out, out + 8, event.status).ptr;
  out = put(out, ",\"severity\":");
  out = std::to_chars(out, out + 8, event.severity).ptr;
  out = put(out, ",\"doubleValues\":[");
  const double* const values = &event.value;
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) *out++ = ',';
    const bool whole = values[i] == std::trunc(values[i]);
    out = std::to_chars(out, out + kNumberBytes, values[i]).ptr;
    if (whole) out = put(out, ".0");
  }
  out = put(out,
            "],\"floatValues\":null,\"stringValues\":null,\"intValues\":null,\"shortValues\":null,"
            "\"byteValues\":null}");
  return static_cast<size_t>(out - begin);
}

void on_event(event_handler_args args) {
  if (args.status != ECA_NORMAL || args.dbr == nullptr) return;
  const auto& channel = *static_cast<Channel*>(args.usr);
  Harness& harness = *channel.harness;
  const auto& event = *static_cast<const dbr_time_double*>(args.dbr);
  thread_local std::vector<char> record;
  const auto count = static_cast<size_t>(args.count);
  record.resize(kFrameBytes + count * kNumberBytes);
  const size_t size = write_record(record.data(), event, count);
  const int64_t stamp_ms =
      (event.stamp.secPastEpoch + kEpicsEpochUnixSeconds) * 1000 + event.stamp.nsec / 1'000'000;
  const rd_kafka_resp_err_t refusal = rd_kafka_producev(
      harness.kafka, RD_KAFKA_V_RKT(harness.topic), RD_KAFKA_V_VALUE(record.data(), size),
      RD_KAFKA_V_KEY(channel.name.data(), channel.name.size()), RD_KAFKA_V_TIMESTAMP(stamp_ms),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
  harness.counts.events.fetch_add(1, std::memory_order_relaxed);
  if (refusal != RD_KAFKA_RESP_ERR_NO_ERROR) harness.counts.refused.fetch_add(1, std::memory_order_relaxed);
}

void on_connection(connection_handler_args args) {
  auto* channel = static_cast<Channel*>(ca_puser(args.chid));
  if (args.op != CA_OP_CONN_UP) return;
  ca_create_subscription(DBR_TIME_DOUBLE, 0, args.chid, DBE_VALUE | DBE_ALARM, on_event, channel, nullptr);
  ca_flush_io();
  channel->harness->counts.subscribed.fetch_add(1);
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  Counts& counts = static_cast<Harness*>(opaque)->counts;
  (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? counts.acknowledged : counts.failed)
      .fetch_add(1, std::memory_order_relaxed);
}

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char why[256];
  if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
    throw std::runtime_error(why);
}

void open_producer(Harness& harness, const std::string& bootstrap, const std::string& topic,
                   const std::vector<std::string>& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "acks", "all");
  set(conf, "enable.idempotence", "true");
  set(conf, "linger.ms", "5");
  set(conf, "message.timeout.ms", "0");
  set(conf, "partitioner", "murmur2_random");
  set(conf, "queue.buffering.max.messages", "1000000");
  for (const std::string& setting : settings)
    set(conf, setting.substr(0, setting.find('=')).c_str(), setting.substr(setting.find('=') + 1));
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_opaque(conf, &harness);
  char why[256];
  harness.kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (harness.kafka == nullptr) throw std::runtime_error(why);
  harness.topic = rd_kafka_topic_new(harness.kafka, topic.c_str(), nullptr);
}

void print_counts(const Counts& counts) {
  std::printf("{\"events\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"acknowledged\":%" PRIu64
              ",\"failed\":%" PRIu64 "}\n",
              counts.events.load(), counts.refused.load(), counts.acknowledged.load(), counts.failed.load());
  std::fflush(stdout);
}

void subscribe_all(Harness& harness, std::vector<std::unique_ptr<Channel>>& channels,
                   const std::string& prefix, size_t count) {
  ca_context_create(ca_enable_preemptive_callback);
  for (size_t i = 0; i < count; ++i) {
    channels.push_back(std::make_unique<Channel>(Channel{&harness, prefix + std::to_string(i)}));
    ca_create_channel(channels.back()->name.c_str(), on_connection, channels.back().get(),
                      CA_PRIORITY_DEFAULT, &channels.back()->id);
  }
  ca_flush_io();
  while (harness.counts.subscribed.load() < count) ca_pend_event(0.01);
  std::printf("{\"subscribed\":%zu}\n", count);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("From Channel Access monitors to Kafka without frills");
  std::string bootstrap, topic, prefix = "load:";
  size_t count = 1000;
  std::vector<std::string> settings;
  app.add_option("--bootstrap", bootstrap, "Brokers")->required();
  app.add_option("--topic", topic, "Topic")->required();
  app.add_option("--prefix", prefix, "Channels are PREFIX0, PREFIX1, …");
  app.add_option("--channels", count, "Number of channels");
  app.add_option("-X", settings, "A librdkafka property, name=value");
  CLI11_PARSE(app, argc, argv);
  try {
    Harness harness;
    open_producer(harness, bootstrap, topic, settings);
    std::jthread poller([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) rd_kafka_poll(harness.kafka, 100);
    });
    std::vector<std::unique_ptr<Channel>> channels;
    subscribe_all(harness, channels, prefix, count);
    for (std::string line; std::getline(std::cin, line);) print_counts(harness.counts);
    rd_kafka_flush(harness.kafka, 10'000);
    print_counts(harness.counts);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "bare_harness: %s\n", problem.what());
    std::_Exit(1);
  }
  std::_Exit(0);  // libca's threads still run and may call back
}
