// Shell. Questions about topics that wait for a broker: is one there, how is it made, make or delete the
// command topic.
//
// Each call blocks for at most its time-out and is therefore made on a thread of its own, never on the event
// loop. The handle may be shared with that loop: librdkafka's handles are thread-safe. Errors carry
// librdkafka's code, because the remedy depends on it.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/kafka/conf.h"

namespace e2k::supervisor {

struct KafkaError {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string message;
};

template <class T>
using KafkaResult = tl::expected<T, KafkaError>;

// A topic's settings as the broker shows them: cleanup.policy is "compact", "delete" or "compact,delete".
struct TopicConfig {
  std::string cleanup_policy;
  std::optional<int64_t> retention_ms;  // -1: for ever
};

// Those of several topics in one request, each with its own answer.
KafkaResult<std::map<std::string, KafkaResult<TopicConfig>>> topic_configs(
    rd_kafka_t* handle, const std::vector<std::string>& topics, std::chrono::milliseconds timeout);

// Whether this client may write to each topic, by what the brokers say; who may not see a topic is not told.
KafkaResult<std::map<std::string, KafkaResult<bool>>> may_write(rd_kafka_t* handle,
                                                                const std::vector<std::string>& topics,
                                                                std::chrono::milliseconds timeout);

// What the brokers tell of themselves: how many they are, and every topic that this client may see, with its
// number of partitions.
struct Cluster {
  size_t brokers = 0;
  std::map<std::string, size_t> topics;
};
KafkaResult<Cluster> cluster_of(rd_kafka_t* handle, bool with_topics, std::chrono::milliseconds timeout);

// Where a partition begins and ends.
struct Extent {
  int64_t begin = 0, end = 0;
};

class TopicAdmin {
public:
  TopicAdmin(rd_kafka_t* handle, std::string topic, std::chrono::milliseconds timeout)
      : handle_(handle), topic_(std::move(topic)), timeout_(timeout) {}

  // The topic's partitions; UNKNOWN_TOPIC_OR_PART when it is absent.
  KafkaResult<std::vector<int32_t>> partitions() const;
  // Of each, whether it has a leader. This brings the handle's own picture of the topic up to date, too.
  KafkaResult<std::map<int32_t, bool>> leaders() const;
  // Another when a topic of the same name is made anew; "" where brokers have none (older than 3.1).
  KafkaResult<std::string> id() const;
  // Of these partitions, which must have leaders; one that is not answered for is missing.
  KafkaResult<std::map<int32_t, Extent>> extents(const std::vector<int32_t>& partitions) const;
  KafkaResult<std::string> cleanup_policy() const;
  // Makes it: compacted, one partition. replication_factor -1: the broker's default.
  KafkaResult<void> create(int replication_factor) const;
  // Deletes it with all its records.
  KafkaResult<void> remove() const;

private:
  KafkaResult<std::map<int32_t, int64_t>> offsets(const std::vector<int32_t>& partitions, int64_t spec) const;

  rd_kafka_t* handle_;
  std::string topic_;
  std::chrono::milliseconds timeout_;
};

}  // namespace e2k::supervisor
