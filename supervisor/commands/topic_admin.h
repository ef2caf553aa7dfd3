// Shell. Questions about the command topic that wait for a broker: is it there, how is it made, make it.
//
// Each call blocks for at most its time-out and is therefore made on a thread of its own, never on the event
// loop. The handle may be shared with that loop: librdkafka's handles are thread-safe. Errors carry
// librdkafka's code, because the remedy depends on it.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <string>
#include <vector>

#include "proto/kafka_conf.h"

namespace e2k::supervisor {

struct KafkaError {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string message;
};

class TopicAdmin {
public:
  TopicAdmin(rd_kafka_t* handle, std::string topic, std::chrono::milliseconds timeout)
      : handle_(handle), topic_(std::move(topic)), timeout_(timeout) {}

  // The topic's partitions; UNKNOWN_TOPIC_OR_PART when it is absent.
  tl::expected<std::vector<int32_t>, KafkaError> partitions() const;
  // cleanup.policy as the broker shows it: "compact", "delete", "compact,delete".
  tl::expected<std::string, KafkaError> cleanup_policy() const;
  // Makes it: compacted, one partition. replication_factor -1: the broker's default.
  tl::expected<void, KafkaError> create(int replication_factor) const;

private:
  tl::expected<kafka::Event, KafkaError> wait(rd_kafka_queue_t* queue) const;
  struct OptionsDeleter {
    void operator()(rd_kafka_AdminOptions_t* p) const { rd_kafka_AdminOptions_destroy(p); }
  };
  using Options = std::unique_ptr<rd_kafka_AdminOptions_t, OptionsDeleter>;
  Options options(rd_kafka_admin_op_t operation) const;

  rd_kafka_t* handle_;
  std::string topic_;
  std::chrono::milliseconds timeout_;
};

}  // namespace e2k::supervisor
