#include "supervisor/commands/topic_admin.h"

#include <cstring>

namespace e2k::supervisor {
namespace {

tl::unexpected<KafkaError> error(rd_kafka_resp_err_t code, const char* text = nullptr) {
  return tl::unexpected<KafkaError>({code, text != nullptr ? text : rd_kafka_err2str(code)});
}

}  // namespace

TopicAdmin::Options TopicAdmin::options(rd_kafka_admin_op_t operation) const {
  Options made(rd_kafka_AdminOptions_new(handle_, operation));
  char text[256];
  rd_kafka_AdminOptions_set_request_timeout(made.get(), static_cast<int>(timeout_.count()), text,
                                            sizeof text);
  return made;
}

tl::expected<kafka::Event, KafkaError> TopicAdmin::wait(rd_kafka_queue_t* queue) const {
  // The request's own time-out answers with an event; the second one here only guards against its loss.
  kafka::Event event(rd_kafka_queue_poll(queue, static_cast<int>(timeout_.count()) + 1000));
  if (!event) return error(RD_KAFKA_RESP_ERR__TIMED_OUT);
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return error(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
  return event;
}

tl::expected<std::vector<int32_t>, KafkaError> TopicAdmin::partitions() const {
  kafka::Topic topic(rd_kafka_topic_new(handle_, topic_.c_str(), nullptr));
  if (!topic) return error(rd_kafka_last_error());
  const struct rd_kafka_metadata* raw = nullptr;
  const auto code = rd_kafka_metadata(handle_, 0, topic.get(), &raw, static_cast<int>(timeout_.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error(code);
  const kafka::Metadata metadata(raw);
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& found = metadata->topics[i];
    if (topic_ != found.topic) continue;
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return error(found.err);
    std::vector<int32_t> ids;
    for (int p = 0; p < found.partition_cnt; ++p) ids.push_back(found.partitions[p].id);
    if (ids.empty()) break;
    return ids;
  }
  return error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

tl::expected<std::string, KafkaError> TopicAdmin::cleanup_policy() const {
  kafka::Queue queue(rd_kafka_queue_new(handle_));
  rd_kafka_ConfigResource_t* resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic_.c_str());
  rd_kafka_DescribeConfigs(handle_, &resource, 1, options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS).get(),
                           queue.get());
  rd_kafka_ConfigResource_destroy(resource);
  auto event = wait(queue.get());
  if (!event) return tl::unexpected(event.error());
  const auto* result = rd_kafka_event_DescribeConfigs_result(event->get());
  size_t count = 0;
  const rd_kafka_ConfigResource_t** resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
  for (size_t i = 0; i < count; ++i) {
    if (const auto code = rd_kafka_ConfigResource_error(resources[i]); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error(code, rd_kafka_ConfigResource_error_string(resources[i]));
    size_t entries = 0;
    const rd_kafka_ConfigEntry_t** configs = rd_kafka_ConfigResource_configs(resources[i], &entries);
    for (size_t j = 0; j < entries; ++j)
      if (std::strcmp(rd_kafka_ConfigEntry_name(configs[j]), "cleanup.policy") == 0)
        return std::string(rd_kafka_ConfigEntry_value(configs[j]));
  }
  return error(RD_KAFKA_RESP_ERR_UNKNOWN, "the broker names no cleanup.policy");
}

tl::expected<void, KafkaError> TopicAdmin::create(int replication_factor) const {
  char text[512] = {};
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(topic_.c_str(), 1, replication_factor, text, sizeof text);
  if (topic == nullptr) return error(RD_KAFKA_RESP_ERR__INVALID_ARG, text);
  rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
  kafka::Queue queue(rd_kafka_queue_new(handle_));
  rd_kafka_CreateTopics(handle_, &topic, 1, options(RD_KAFKA_ADMIN_OP_CREATETOPICS).get(), queue.get());
  rd_kafka_NewTopic_destroy(topic);
  auto event = wait(queue.get());
  if (!event) return tl::unexpected(event.error());
  size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    return error(code, rd_kafka_topic_result_error_string(results[i]));
  }
  return {};
}

}  // namespace e2k::supervisor
