#include "supervisor/ctl/topic_reading.h"

namespace e2k::supervisor::ctl {

std::optional<std::string> bytes_of(const void* data, size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(data), size);
}

bool is_refusal(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
}

bool is_missing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

KafkaResult<std::unique_ptr<Reading>> Reading::begin(rd_kafka_t* handle, const std::string& topic,
                                                     const std::map<int32_t, int64_t>& begins) {
  auto reading = std::make_unique<Reading>();
  reading->queue_.reset(rd_kafka_queue_new(handle));
  reading->topic_.reset(rd_kafka_topic_new(handle, topic.c_str(), nullptr));
  for (const auto& [partition, offset] : begins) {
    if (!reading->topic_ ||
        rd_kafka_consume_start_queue(reading->topic_.get(), partition, offset, reading->queue_.get()) != 0) {
      const auto code = rd_kafka_last_error();
      return tl::unexpected(KafkaError{code, rd_kafka_err2str(code)});
    }
    reading->started_.push_back(partition);
  }
  return reading;
}

Reading::~Reading() {
  for (const int32_t partition : started_) rd_kafka_consume_stop(topic_.get(), partition);
}

}  // namespace e2k::supervisor::ctl
