#include "supervisor/commands/assigned_consumer.h"

namespace e2k::supervisor {

AssignedConsumer::AssignedConsumer(rd_kafka_t* handle) : handle_(handle), queue_(rd_kafka_queue_new(handle)) {
  const kafka::Queue main(rd_kafka_queue_get_main(handle_));
  rd_kafka_queue_forward(main.get(), queue_.get());
}

AssignedConsumer::~AssignedConsumer() {
  wake(-1);
  unassign();
  const kafka::Queue main(rd_kafka_queue_get_main(handle_));
  rd_kafka_queue_forward(main.get(), nullptr);
}

KafkaResult<void> AssignedConsumer::assign(const std::string& topic,
                                           const std::map<int32_t, int64_t>& begins) {
  if (!topic_) topic_.reset(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
  for (const auto& [partition, offset] : begins) {
    if (!topic_ || rd_kafka_consume_start_queue(topic_.get(), partition, offset, queue_.get()) != 0) {
      const auto code = rd_kafka_last_error();
      return tl::unexpected(KafkaError{code, rd_kafka_err2str(code)});
    }
    started_.insert(partition);
  }
  return {};
}

void AssignedConsumer::unassign() {
  for (const int32_t partition : started_) rd_kafka_consume_stop(topic_.get(), partition);
  started_.clear();
}

void AssignedConsumer::ask_again(int32_t partition, int64_t next) {
  if (started_.contains(partition)) rd_kafka_seek(topic_.get(), partition, next, 0);
}

bool AssignedConsumer::is_at_end(int32_t partition, int64_t next) const {
  int64_t low = RD_KAFKA_OFFSET_INVALID, high = RD_KAFKA_OFFSET_INVALID;
  return topic_ && started_.contains(partition) &&
         rd_kafka_get_watermark_offsets(handle_, rd_kafka_topic_name(topic_.get()), partition, &low, &high) ==
             RD_KAFKA_RESP_ERR_NO_ERROR &&
         high > 0 && next >= high;
}

void AssignedConsumer::wake(int fd) {
  rd_kafka_queue_io_event_enable(queue_.get(), fd, fd < 0 ? nullptr : "1", fd < 0 ? 0 : 1);
}

}  // namespace e2k::supervisor
