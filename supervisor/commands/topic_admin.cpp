#include "supervisor/commands/topic_admin.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace e2k::supervisor {
namespace {

using std::chrono::milliseconds;

tl::unexpected<KafkaError> error(rd_kafka_resp_err_t code, const char* text = nullptr) {
  return tl::unexpected<KafkaError>({code, text != nullptr ? text : rd_kafka_err2str(code)});
}

struct OptionsDeleter {
  void operator()(rd_kafka_AdminOptions_t* p) const { rd_kafka_AdminOptions_destroy(p); }
};
using Options = std::unique_ptr<rd_kafka_AdminOptions_t, OptionsDeleter>;

Options options(rd_kafka_t* handle, rd_kafka_admin_op_t operation, milliseconds timeout) {
  Options made(rd_kafka_AdminOptions_new(handle, operation));
  char text[256];
  rd_kafka_AdminOptions_set_request_timeout(made.get(), static_cast<int>(timeout.count()), text, sizeof text);
  return made;
}

KafkaResult<kafka::Event> wait(rd_kafka_queue_t* queue, milliseconds timeout) {
  // The request's own time-out answers with an event; the second one here only guards against its loss.
  kafka::Event event(rd_kafka_queue_poll(queue, static_cast<int>(timeout.count()) + 1000));
  if (!event) return error(RD_KAFKA_RESP_ERR__TIMED_OUT);
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return error(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
  return event;
}

KafkaResult<kafka::Metadata> metadata_of(rd_kafka_t* handle, bool all_topics, rd_kafka_topic_t* topic,
                                         milliseconds timeout) {
  const struct rd_kafka_metadata* raw = nullptr;
  const auto code =
      rd_kafka_metadata(handle, all_topics ? 1 : 0, topic, &raw, static_cast<int>(timeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error(code);
  return kafka::Metadata(raw);
}

KafkaResult<TopicConfig> config_of(const rd_kafka_ConfigResource_t* resource) {
  if (const auto code = rd_kafka_ConfigResource_error(resource); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return error(code, rd_kafka_ConfigResource_error_string(resource));
  TopicConfig config;
  size_t entries = 0;
  const rd_kafka_ConfigEntry_t** configs = rd_kafka_ConfigResource_configs(resource, &entries);
  for (size_t i = 0; i < entries; ++i) {
    const std::string_view name = rd_kafka_ConfigEntry_name(configs[i]);
    const char* value = rd_kafka_ConfigEntry_value(configs[i]);
    if (value == nullptr) continue;
    if (name == "cleanup.policy") config.cleanup_policy = value;
    int64_t number = 0;
    const char* end = value + std::strlen(value);
    if (name == "retention.ms" && std::from_chars(value, end, number).ptr == end)
      config.retention_ms = number;
  }
  if (config.cleanup_policy.empty())
    return error(RD_KAFKA_RESP_ERR_UNKNOWN, "the broker names no cleanup.policy");
  return config;
}

struct CollectionDeleter {
  void operator()(rd_kafka_TopicCollection_t* p) const { rd_kafka_TopicCollection_destroy(p); }
};

KafkaResult<bool> write_right_of(const rd_kafka_TopicDescription_t* topic) {
  if (const rd_kafka_error_t* failed = rd_kafka_TopicDescription_error(topic); failed != nullptr)
    if (const auto code = rd_kafka_error_code(failed); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error(code, rd_kafka_error_string(failed));
  size_t count = 0;
  const rd_kafka_AclOperation_t* operations = rd_kafka_TopicDescription_authorized_operations(topic, &count);
  // A broker that is too old for the question leaves it open.
  if (operations == nullptr) return error(RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE);
  const auto allows = [](rd_kafka_AclOperation_t operation) {
    return operation == RD_KAFKA_ACL_OPERATION_WRITE || operation == RD_KAFKA_ACL_OPERATION_ALL;
  };
  return std::any_of(operations, operations + count, allows);
}

}  // namespace

KafkaResult<std::map<std::string, KafkaResult<TopicConfig>>> topic_configs(
    rd_kafka_t* handle, const std::vector<std::string>& topics, milliseconds timeout) {
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (const std::string& topic : topics)
    asked.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  kafka::Queue queue(rd_kafka_queue_new(handle));
  rd_kafka_DescribeConfigs(handle, asked.data(), asked.size(),
                           options(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout).get(), queue.get());
  rd_kafka_ConfigResource_destroy_array(asked.data(), asked.size());
  auto event = wait(queue.get(), timeout);
  if (!event) return tl::unexpected(event.error());
  std::map<std::string, KafkaResult<TopicConfig>> configs;
  const auto* result = rd_kafka_event_DescribeConfigs_result(event->get());
  size_t count = 0;
  const rd_kafka_ConfigResource_t** resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
  for (size_t i = 0; i < count; ++i)
    configs.emplace(rd_kafka_ConfigResource_name(resources[i]), config_of(resources[i]));
  return configs;
}

KafkaResult<std::map<std::string, KafkaResult<bool>>> may_write(rd_kafka_t* handle,
                                                                const std::vector<std::string>& topics,
                                                                milliseconds timeout) {
  std::vector<const char*> names;
  for (const std::string& topic : topics) names.push_back(topic.c_str());
  const std::unique_ptr<rd_kafka_TopicCollection_t, CollectionDeleter> asked(
      rd_kafka_TopicCollection_of_topic_names(names.data(), names.size()));
  const Options wanted = options(handle, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout);
  rd_kafka_error_destroy(rd_kafka_AdminOptions_set_include_authorized_operations(wanted.get(), 1));
  kafka::Queue queue(rd_kafka_queue_new(handle));
  rd_kafka_DescribeTopics(handle, asked.get(), wanted.get(), queue.get());
  auto event = wait(queue.get(), timeout);
  if (!event) return tl::unexpected(event.error());
  std::map<std::string, KafkaResult<bool>> answers;
  size_t count = 0;
  const rd_kafka_TopicDescription_t** described =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i)
    answers.emplace(rd_kafka_TopicDescription_name(described[i]), write_right_of(described[i]));
  return answers;
}

KafkaResult<Cluster> cluster_of(rd_kafka_t* handle, bool with_topics, milliseconds timeout) {
  const auto metadata = metadata_of(handle, with_topics, nullptr, timeout);
  if (!metadata) return tl::unexpected(metadata.error());
  Cluster cluster;
  cluster.brokers = static_cast<size_t>((*metadata)->broker_cnt);
  if (!with_topics) return cluster;
  for (int i = 0; i < (*metadata)->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& topic = (*metadata)->topics[i];
    if (topic.partition_cnt > 0) cluster.topics[topic.topic] = static_cast<size_t>(topic.partition_cnt);
  }
  return cluster;
}

KafkaResult<std::vector<int32_t>> TopicAdmin::partitions() const {
  return leaders().map([](const std::map<int32_t, bool>& leaders) {
    std::vector<int32_t> ids;
    for (const auto& [partition, has_leader] : leaders) ids.push_back(partition);
    return ids;
  });
}

KafkaResult<std::map<int32_t, bool>> TopicAdmin::leaders() const {
  kafka::Topic topic(rd_kafka_topic_new(handle_, topic_.c_str(), nullptr));
  if (!topic) return error(rd_kafka_last_error());
  const auto metadata = metadata_of(handle_, false, topic.get(), timeout_);
  if (!metadata) return tl::unexpected(metadata.error());
  for (int i = 0; i < (*metadata)->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& found = (*metadata)->topics[i];
    if (topic_ != found.topic) continue;
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return error(found.err);
    std::map<int32_t, bool> leaders;
    for (int p = 0; p < found.partition_cnt; ++p)
      leaders[found.partitions[p].id] = found.partitions[p].leader >= 0;
    if (leaders.empty()) break;
    return leaders;
  }
  return error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

KafkaResult<std::string> TopicAdmin::id() const {
  const char* names[] = {topic_.c_str()};
  rd_kafka_TopicCollection_t* asked = rd_kafka_TopicCollection_of_topic_names(names, 1);
  kafka::Queue queue(rd_kafka_queue_new(handle_));
  rd_kafka_DescribeTopics(handle_, asked, options(handle_, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_).get(),
                          queue.get());
  rd_kafka_TopicCollection_destroy(asked);
  const auto event = wait(queue.get(), timeout_);
  if (!event) return tl::unexpected(event.error());
  size_t count = 0;
  const auto* const topics =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event->get()), &count);
  if (count != 1) return error(RD_KAFKA_RESP_ERR_UNKNOWN, "the broker tells of another topic");
  if (const rd_kafka_error_t* refused = rd_kafka_TopicDescription_error(topics[0]); refused != nullptr)
    if (rd_kafka_error_code(refused) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error(rd_kafka_error_code(refused), rd_kafka_error_string(refused));
  const rd_kafka_Uuid_t* const id = rd_kafka_TopicDescription_topic_id(topics[0]);
  if (id == nullptr ||
      (rd_kafka_Uuid_most_significant_bits(id) == 0 && rd_kafka_Uuid_least_significant_bits(id) == 0))
    return "";
  return rd_kafka_Uuid_base64str(id);
}

KafkaResult<std::map<int32_t, int64_t>> TopicAdmin::offsets(const std::vector<int32_t>& partitions,
                                                            int64_t spec) const {
  const kafka::PartitionList asked(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const int32_t partition : partitions)
    rd_kafka_topic_partition_list_add(asked.get(), topic_.c_str(), partition)->offset = spec;
  kafka::Queue queue(rd_kafka_queue_new(handle_));
  rd_kafka_ListOffsets(handle_, asked.get(), options(handle_, RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout_).get(),
                       queue.get());
  const auto event = wait(queue.get(), timeout_);
  if (!event) return tl::unexpected(event.error());
  std::map<int32_t, int64_t> found;
  size_t count = 0;
  const auto* const infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_topic_partition_t* const one = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    if (one->err == RD_KAFKA_RESP_ERR_NO_ERROR && one->offset >= 0) found[one->partition] = one->offset;
  }
  return found;
}

KafkaResult<std::map<int32_t, Extent>> TopicAdmin::extents(const std::vector<int32_t>& partitions) const {
  std::map<int32_t, Extent> extents;
  if (partitions.empty()) return extents;
  const auto begins = offsets(partitions, RD_KAFKA_OFFSET_SPEC_EARLIEST);
  if (!begins) return tl::unexpected(begins.error());
  const auto ends = offsets(partitions, RD_KAFKA_OFFSET_SPEC_LATEST);
  if (!ends) return tl::unexpected(ends.error());
  for (const auto& [partition, begin] : *begins)
    if (const auto end = ends->find(partition); end != ends->end()) extents[partition] = {begin, end->second};
  return extents;
}

KafkaResult<std::string> TopicAdmin::cleanup_policy() const {
  const auto configs = topic_configs(handle_, {topic_}, timeout_);
  if (!configs) return tl::unexpected(configs.error());
  const auto found = configs->find(topic_);
  if (found == configs->end()) return error(RD_KAFKA_RESP_ERR_UNKNOWN, "the broker tells of another topic");
  return found->second.map([](const TopicConfig& config) { return config.cleanup_policy; });
}

KafkaResult<void> TopicAdmin::create(int replication_factor) const {
  char text[512] = {};
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(topic_.c_str(), 1, replication_factor, text, sizeof text);
  if (topic == nullptr) return error(RD_KAFKA_RESP_ERR__INVALID_ARG, text);
  rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
  kafka::Queue queue(rd_kafka_queue_new(handle_));
  rd_kafka_CreateTopics(handle_, &topic, 1, options(handle_, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_).get(),
                        queue.get());
  rd_kafka_NewTopic_destroy(topic);
  auto event = wait(queue.get(), timeout_);
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

KafkaResult<void> TopicAdmin::remove() const {
  rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(topic_.c_str());
  kafka::Queue queue(rd_kafka_queue_new(handle_));
  rd_kafka_DeleteTopics(handle_, &topic, 1, options(handle_, RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout_).get(),
                        queue.get());
  rd_kafka_DeleteTopic_destroy(topic);
  auto event = wait(queue.get(), timeout_);
  if (!event) return tl::unexpected(event.error());
  size_t count = 0;
  const auto* results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i)
    if (const auto code = rd_kafka_topic_result_error(results[i]); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error(code, rd_kafka_topic_result_error_string(results[i]));
  return {};
}

}  // namespace e2k::supervisor
