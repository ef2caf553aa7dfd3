// Shell. Partitions of one topic, read from given offsets by a consumer without a group: one with a name,
// although never joined, would have librdkafka look for its coordinator, which needs a right on it and makes
// Kafka's topic of groups.
//
// So it is librdkafka's simple consumer: its assign() is to be had with a group only. Errors of the handle
// come on the way, by the callback that it was made with. The handle outlives it. One thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/kafka/conf.h"
#include "supervisor/commands/topic_admin.h"

namespace e2k::supervisor {

struct MessageDeleter {
  void operator()(rd_kafka_message_t* p) const { rd_kafka_message_destroy(p); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

class AssignedConsumer {
public:
  explicit AssignedConsumer(rd_kafka_t* handle);
  AssignedConsumer(const AssignedConsumer&) = delete;
  ~AssignedConsumer();

  // Reads these partitions, too. `begins`: of each its first offset, RD_KAFKA_OFFSET_BEGINNING among them.
  KafkaResult<void> assign(const std::string& topic, const std::map<int32_t, int64_t>& begins);
  void unassign();
  // Has the partition's end told once more, or why it can't be read. It goes on at `next`.
  void ask_again(int32_t partition, int64_t next);

  // Null where nothing came; ends of partitions and errors come as messages, too.
  Message next(int timeout_ms) { return Message(rd_kafka_consume_queue(queue_.get(), timeout_ms)); }
  // Whether the partition ended before `next` when brokers last answered a fetch of it; false: or it is not
  // known.
  bool is_at_end(int32_t partition, int64_t next) const;
  // A byte is written to it when something waits for next(); -1: no more.
  void wake(int fd);

private:
  rd_kafka_t* handle_;
  kafka::Queue queue_;
  kafka::Topic topic_;
  std::set<int32_t> started_;
};

}  // namespace e2k::supervisor
