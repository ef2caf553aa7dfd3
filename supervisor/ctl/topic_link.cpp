#include "supervisor/ctl/topic_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/kafka/conf.h"
#include "supervisor/commands/assigned_consumer.h"
#include "supervisor/commands/deadline.h"
#include "supervisor/commands/topic_admin.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_connection.h"
#include "supervisor/ctl/topic_reading.h"

namespace e2k::supervisor::ctl {
namespace {

using std::chrono::milliseconds;

constexpr int kTurnMs = 100;
constexpr size_t kNamedFailures = 5;

tl::unexpected<Failure> failure(Exit exit, std::string message) {
  return tl::unexpected(Failure{exit, std::move(message)});
}

Failure failed(const TopicSettings& settings, const KafkaError& error) {
  return refused(settings, "the command topic " + settings.topic, error);
}

// The partitions; of a fresh topic as soon as the brokers tell of them.
Outcome<std::vector<int32_t>> partitions_of(KafkaConnection& connection, const TopicSettings& settings,
                                            bool create, milliseconds timeout, const Deadline& deadline) {
  bool created = false;
  while (!deadline.passed()) {
    const TopicAdmin admin(connection.get(), settings.topic, deadline.left());
    const auto partitions = admin.partitions();
    if (partitions) return *partitions;
    const auto code = partitions.error().code;
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT) break;
    if (!is_missing(code) && code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
      return tl::unexpected(failed(settings, partitions.error()));
    if (!created && !(create && settings.create_topic))
      return failure(
          Exit::not_found,
          fmt::format("the command topic {} does not exist on {}; the supervisor makes it at its start, or: "
                      "kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions 1 "
                      "--config cleanup.policy=compact",
                      settings.topic, settings.servers, settings.servers, settings.topic));
    if (!created) {
      if (auto made = admin.create(settings.replication_factor); !made)
        return tl::unexpected(failed(settings, made.error()));
      created = true;
    }
    rd_kafka_poll(connection.get(), std::min(deadline.turn_ms(), 20));
  }
  return tl::unexpected(timed_out(settings, connection, timeout, "no broker answers"));
}

struct Delivery {
  std::vector<Delivered> delivered;
  std::vector<std::string> failures;  // by key, the first few
  size_t done = 0, failed = 0;
  rd_kafka_resp_err_t first_error = RD_KAFKA_RESP_ERR_NO_ERROR;
};

// The opaque of each record.
struct Pending {
  Delivery* delivery;
  const TopicWrite* write;
  size_t index;
};

void on_delivered(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  const auto& pending = *static_cast<const Pending*>(message->_private);
  Delivery& delivery = *pending.delivery;
  ++delivery.done;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery.delivered[pending.index] = {message->partition, message->offset};
    return;
  }
  ++delivery.failed;
  if (delivery.first_error == RD_KAFKA_RESP_ERR_NO_ERROR) delivery.first_error = message->err;
  if (delivery.failures.size() < kNamedFailures)
    delivery.failures.push_back(
        fmt::format("{}: {}", printable(pending.write->key), rd_kafka_err2str(message->err)));
}

rd_kafka_resp_err_t produce(rd_kafka_t* handle, const std::string& topic, Pending& pending) {
  const TopicWrite& write = *pending.write;
  // librdkafka copies; an empty text must not become null.
  char* value = write.value ? const_cast<char*>(write.value->c_str()) : nullptr;
  const size_t value_bytes = write.value ? write.value->size() : 0;
  return rd_kafka_producev(handle, RD_KAFKA_V_TOPIC(topic.c_str()),
                           RD_KAFKA_V_PARTITION(write.partition.value_or(RD_KAFKA_PARTITION_UA)),
                           RD_KAFKA_V_KEY(write.key.data(), write.key.size()),
                           RD_KAFKA_V_VALUE(value, value_bytes), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                           RD_KAFKA_V_OPAQUE(&pending), RD_KAFKA_V_END);
}

}  // namespace

Outcome<std::vector<TopicRecord>> read_topic(const TopicSettings& settings, milliseconds timeout,
                                             bool create) {
  const Deadline deadline(timeout);
  auto opened = connect_reader(settings, deadline);
  if (!opened) return tl::unexpected(opened.error());
  KafkaConnection& connection = **opened;
  const auto partitions = partitions_of(connection, settings, create, timeout, deadline);
  if (!partitions) return tl::unexpected(partitions.error());

  std::map<int32_t, int64_t> begins;
  for (const int32_t partition : *partitions) begins[partition] = RD_KAFKA_OFFSET_BEGINNING;
  AssignedConsumer consumer(connection.get());
  if (auto assigned = consumer.assign(settings.topic, begins); !assigned)
    return tl::unexpected(failed(settings, assigned.error()));
  std::set<int32_t> open_ends(partitions->begin(), partitions->end());
  std::vector<TopicRecord> records;
  while (!open_ends.empty()) {
    if (deadline.passed())
      return tl::unexpected(
          timed_out(settings, connection, timeout,
                    fmt::format("the command topic {} was not read to its end", settings.topic)));
    const Message message = consumer.next(deadline.turn_ms());
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      open_ends.erase(message->partition);
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      records.push_back({message->partition, message->offset, bytes_of(message->key, message->key_len),
                         bytes_of(message->payload, message->len)});
    } else if (is_refusal(message->err) || is_missing(message->err)) {
      return tl::unexpected(failed(settings, {message->err, rd_kafka_message_errstr(message.get())}));
    }  // others pass: librdkafka tries again
  }
  return records;
}

Outcome<std::vector<Delivered>> write_topic(const TopicSettings& settings,
                                            const std::vector<TopicWrite>& writes, milliseconds timeout,
                                            const std::function<void(size_t done)>& progress) {
  auto properties = settings.producer;
  // Of each key there is one record: a repeated or overtaken one does no harm, so no idempotence, which would
  // wait for a producer id first.
  properties["acks"] = "all";
  properties["message.timeout.ms"] = std::to_string(timeout.count());
  properties.try_emplace("linger.ms", "5");
  // A new key must land where every other client of Kafka would put it.
  properties.try_emplace("partitioner", "murmur2_random");
  const Deadline deadline(timeout);
  auto opened = connect_writer(settings, properties, on_delivered, deadline);
  if (!opened) return tl::unexpected(opened.error());
  KafkaConnection& connection = **opened;

  Delivery delivery;
  delivery.delivered.resize(writes.size());
  std::vector<Pending> pending(writes.size());
  size_t queued = 0;
  // A little longer than the records' own deadline, so that their reports name the reason.
  const Deadline last(timeout + milliseconds(1000));
  while (delivery.done < writes.size() && !last.passed()) {
    bool full = false;
    for (; queued < writes.size() && !full; ++queued) {
      pending[queued] = {&delivery, &writes[queued], queued};
      const auto code = produce(connection.get(), settings.topic, pending[queued]);
      full = code == RD_KAFKA_RESP_ERR__QUEUE_FULL;
      if (full) break;
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return tl::unexpected(
            failed(settings, {code, printable(writes[queued].key) + ": " + rd_kafka_err2str(code)}));
    }
    rd_kafka_poll(connection.get(), kTurnMs);
    if (progress) progress(delivery.done - delivery.failed);
  }
  const size_t good = delivery.done - delivery.failed;
  if (good == writes.size()) return delivery.delivered;
  rd_kafka_purge(connection.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  if (delivery.failed == 0 || delivery.first_error == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
    return tl::unexpected(timed_out(
        settings, connection, timeout,
        fmt::format("{} of {} records were not acknowledged", writes.size() - good, writes.size())));
  std::string text = fmt::format("{} of {} records were not taken by {}:", writes.size() - good,
                                 writes.size(), settings.topic);
  for (const std::string& one : delivery.failures) text += "\n  " + one;
  return failure(is_refusal(delivery.first_error) ? Exit::permission : Exit::failed, text);
}

}  // namespace e2k::supervisor::ctl
