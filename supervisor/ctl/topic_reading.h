// Shell. Partitions of one topic, read from given offsets by a consumer without a group: one with a name,
// although never joined, would have librdkafka look for its coordinator, which needs a right on it and makes
// Kafka's topic of groups.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/kafka/conf.h"
#include "supervisor/commands/topic_admin.h"

namespace e2k::supervisor::ctl {

struct MessageDeleter {
  void operator()(rd_kafka_message_t* p) const { rd_kafka_message_destroy(p); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

std::optional<std::string> bytes_of(const void* data, size_t size);
bool is_refusal(rd_kafka_resp_err_t code);
bool is_missing(rd_kafka_resp_err_t code);

class Reading {
public:
  // `begins`: of each partition its first offset, RD_KAFKA_OFFSET_BEGINNING among them.
  static KafkaResult<std::unique_ptr<Reading>> begin(rd_kafka_t* handle, const std::string& topic,
                                                     const std::map<int32_t, int64_t>& begins);
  Reading() = default;
  Reading(const Reading&) = delete;
  ~Reading();

  // Null where nothing came; ends of partitions and errors come as messages, too.
  Message next(int timeout_ms) { return Message(rd_kafka_consume_queue(queue_.get(), timeout_ms)); }

private:
  kafka::Queue queue_;
  kafka::Topic topic_;
  std::vector<int32_t> started_;
};

}  // namespace e2k::supervisor::ctl
