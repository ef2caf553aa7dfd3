// Shell. What librdkafka's mock cluster has of a topic.
#pragma once

#include <librdkafka/rdkafka.h>
// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

#include <set>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/kafka/conf.h"

namespace e2k::worker {

// visit(const rd_kafka_message_t&) for each record of a topic, in the order of each of its four partitions;
// one key goes to one partition.
template <class Visit>
void for_each_consumed(rd_kafka_mock_cluster_t* mock, const std::string& topic, Visit&& visit) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[256];
  rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock), reason, 256);
  rd_kafka_conf_set(conf, "group.id", "g", reason, 256);
  rd_kafka_conf_set(conf, "enable.partition.eof", "true", reason, 256);
  kafka::Handle reader(rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, 256));
  kafka::PartitionList all(rd_kafka_topic_partition_list_new(4));
  for (int p = 0; p < 4; ++p) rd_kafka_topic_partition_list_add(all.get(), topic.c_str(), p)->offset = 0;
  rd_kafka_assign(reader.get(), all.get());
  const auto give_up = monotonic_now().value + 20 * kNsPerSecond;
  // An end is told once more where a partition's fetching begins anew.
  for (std::set<int32_t> ended; ended.size() < 4 && monotonic_now().value < give_up;) {
    rd_kafka_message_t* m = rd_kafka_consumer_poll(reader.get(), 100);
    if (m == nullptr) continue;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ended.insert(m->partition);
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) visit(*m);
    rd_kafka_message_destroy(m);
  }
}

inline std::string value_of(const rd_kafka_message_t& m) {
  return {static_cast<const char*>(m.payload), m.len};
}

inline std::vector<std::string> consumed_values(rd_kafka_mock_cluster_t* mock, const std::string& topic) {
  std::vector<std::string> values;
  for_each_consumed(mock, topic, [&](const rd_kafka_message_t& m) { values.push_back(value_of(m)); });
  return values;
}

}  // namespace e2k::worker
