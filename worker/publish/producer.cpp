#include "worker/publish/producer.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/clock.h"
#include "common/log.h"
#include "worker/publish/batching.h"

namespace e2k::worker {
namespace {

// Sites may set these otherwise.
const std::pair<const char*, const char*> kDefaults[] = {
    {"partitioner", "murmur2_random"},
    {"linger.ms", "5"},
    // A topic that is not there only parks its records, so there is no reason to wait half a minute for it.
    {"topic.metadata.propagation.max.ms", "5000"},
    // More than the publisher keeps in flight (publisher.h).
    {"queue.buffering.max.messages", "200000"},
    {"queue.buffering.max.kbytes", "1048576"},
    {"log.connection.close", "false"},
};
const std::pair<const char*, const char*> kOwned[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"message.timeout.ms", "0"},
    {"statistics.interval.ms", "0"},
};
const std::pair<const char*, const char*> kOwnedByMain[] = {{"enable.gapless.guarantee", "true"}};
const std::pair<const char*, const char*> kOwnedByCareful[] = {
    {"enable.gapless.guarantee", "false"},
    {"max.in.flight", "1"},
    {"batch.num.messages", "1"},
};

int64_t linger_of(const rd_kafka_conf_t* conf) {
  char text[64];
  size_t bytes = sizeof text;
  if (rd_kafka_conf_get(conf, "linger.ms", text, &bytes) != RD_KAFKA_CONF_OK) return 5'000'000;
  return static_cast<int64_t>(std::strtod(text, nullptr) * 1e6);
}

std::string milliseconds(int64_t ns) {
  return fmt::format("{}.{:06}", ns / kNsPerMs, ns % kNsPerMs);
}

// librdkafka takes 0 for no limit.
uint64_t limit_of(const rd_kafka_conf_t* conf, const char* property, uint64_t unit) {
  char text[64];
  size_t bytes = sizeof text;
  if (rd_kafka_conf_get(conf, property, text, &bytes) != RD_KAFKA_CONF_OK) return UINT64_MAX;
  const uint64_t limit = std::strtoull(text, nullptr, 10);
  return limit == 0 ? UINT64_MAX : limit * unit;
}

std::map<std::string, std::string> with_ours(const std::map<std::string, std::string>& properties,
                                             Lane lane) {
  std::map<std::string, std::string> all;
  for (const auto& [name, value] : kDefaults) all[name] = value;
  // "queue.buffering.max.ms" is librdkafka's other name of linger.ms: the site's word must not meet our
  // default.
  if (properties.count("queue.buffering.max.ms") != 0) all.erase("linger.ms");
  for (const auto& [name, value] : properties) all[name] = value;
  for (const auto& [name, value] : kOwned) all[name] = value;
  if (lane == Lane::main) {
    for (const auto& [name, value] : kOwnedByMain) all[name] = value;
  } else {
    for (const auto& [name, value] : kOwnedByCareful) all[name] = value;
    all["client.id"] += "-careful";
  }
  return all;
}

tl::unexpected<Error> refusal(const std::vector<kafka::PropertyProblem>& problems) {
  return fail("librdkafka refuses the property " + problems.front().property + ": " +
              problems.front().reason);
}

}  // namespace

// What only the making of a handle finds (no thread to be had, a certificate that can't be read now) may be
// otherwise next time.
Result<void> Producer::judge(const std::map<std::string, std::string>& properties) {
  for (const Lane lane : {Lane::main, Lane::careful}) {
    auto all = with_ours(properties, lane);
    kafka::LoginFiles().take_from(all);
    if (auto conf = kafka::make_conf(all); !conf) return refusal(conf.error());
  }
  return {};
}

Result<std::unique_ptr<Producer>> Producer::create(const std::map<std::string, std::string>& properties,
                                                   int wake_fd, Lane lane) {
  std::unique_ptr<Producer> producer(new Producer);
  auto all = with_ours(properties, lane);
  producer->login_.take_from(all);
  auto conf = kafka::make_conf(all);
  if (!conf) return refusal(conf.error());
  const Batching batching = batching_for(linger_of(conf->get()));
  producer->nap_ns_ = batching.nap_ns;
  producer->longest_hold_ns_ = batching.longest_hold_ns;
  producer->queue_messages_ = limit_of(conf->get(), "queue.buffering.max.messages", 1);
  producer->queue_bytes_ = limit_of(conf->get(), "queue.buffering.max.kbytes", 1024);
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  char reason[512] = {};
  if (rd_kafka_conf_set(conf->get(), "linger.ms",
                        lane == Lane::main ? milliseconds(batching.librdkafka_linger_ns).c_str() : "0",
                        reason, sizeof reason) != RD_KAFKA_CONF_OK)
    return fail(std::string("librdkafka refuses the rest of linger.ms: ") + reason);
  if (auto started = producer->start(std::move(*conf), producer->watch_); !started)
    return tl::unexpected(started.error());
  producer->reports_.reset(rd_kafka_queue_get_main(producer->handle_.get()));
  const uint64_t one = 1;  // what an eventfd wants to be told
  rd_kafka_queue_io_event_enable(producer->reports_.get(), wake_fd, &one, sizeof one);
  return producer;
}

Result<std::unique_ptr<Producer>> Producer::create_to_ask(
    const std::map<std::string, std::string>& properties, kafka::BrokerWatch& watch) {
  std::unique_ptr<Producer> producer(new Producer);
  auto all = with_ours(properties, Lane::careful);
  for (const auto& owned : kOwnedByCareful) all.erase(owned.first);
  all["enable.idempotence"] = "false";  // it needs no id
  all["client.id"] = all["client.id"].substr(0, all["client.id"].rfind('-')) + "-metadata";
  producer->login_.take_from(all);
  auto conf = kafka::make_conf(all);
  if (!conf) return refusal(conf.error());
  if (auto started = producer->start(std::move(*conf), watch); !started)
    return tl::unexpected(started.error());
  return producer;
}

// A dead producer's unsent bytes must not arrive after its successor's: close() throws them away.
// A password that has changed meanwhile is wanted for the connection that the socket is for.
int Producer::open_socket(int domain, int type, int protocol, void* self) {
  static_cast<Producer*>(self)->login_.renew();
  const int fd = ::socket(domain, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) return fd;
  const linger nothing_lingers{1, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &nothing_lingers, sizeof nothing_lingers);
  return fd;
}

// By any of librdkafka's threads.
void Producer::on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  // librdkafka's levels are syslog's. Its remarks on the configuration are about properties that we chose
  // (that the gapless guarantee is "experimental"). That brokers are down it says at each try to connect, and
  // the outlet once (brokers.down). A coordinator that has just begun is asked again.
  // That a partition has no leader it says of each (topic.blocked).
  const bool is_told =
      std::strcmp(facility, "CONFWARN") == 0 || std::strcmp(facility, "METADATAUPDATE") == 0 ||
      (std::strcmp(facility, "GETPID") == 0 && std::strstr(text, "load in progress") != nullptr) ||
      (std::strcmp(facility, "ERROR") == 0 && std::strstr(text, "brokers are down") != nullptr);
  if (level <= 4 && !is_told &&
      (handle == nullptr || static_cast<Producer*>(rd_kafka_opaque(handle))->admit_line())) {
    log::warn("librdkafka.message facility={} text={}", facility, log::quoted(text));
  } else {
    log::debug("librdkafka.message facility={} text={}", facility, log::quoted(text));
  }
}

bool Producer::admit_line() {
  const std::lock_guard guard(lines_lock_);
  return lines_.admit(monotonic_now());
}

Result<void> Producer::start(kafka::Conf conf, kafka::BrokerWatch& watch) {
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_socket_cb(conf.get(), open_socket);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  auto handle = kafka::start_handle(RD_KAFKA_PRODUCER, std::move(conf), watch);
  if (!handle) return fail("librdkafka cannot start a producer: " + handle.error().message);
  handle_ = std::move(*handle);
  login_.attach(handle_.get());
  return {};
}

Producer::~Producer() {
  if (!handle_ || !reports_) return;
  rd_kafka_queue_io_event_enable(reports_.get(), -1, nullptr, 0);
  reports_.reset();
  (void)rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

void Producer::purge(Purge what) {
  const int flags = RD_KAFKA_PURGE_F_QUEUE | (what == Purge::everything ? RD_KAFKA_PURGE_F_INFLIGHT : 0);
  (void)rd_kafka_purge(handle_.get(), flags | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

}  // namespace e2k::worker
