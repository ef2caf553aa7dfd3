// Shell. librdkafka's mock cluster for tests of producers, without what it does otherwise than brokers.
#pragma once

#include <librdkafka/rdkafka.h>
// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

#include <map>
#include <memory>
#include <string>

namespace e2k::worker {

struct MockClusterDeleter {
  void operator()(rd_kafka_mock_cluster_t* p) const { rd_kafka_mock_cluster_destroy(p); }
};
using MockCluster = std::unique_ptr<rd_kafka_mock_cluster_t, MockClusterDeleter>;

// `owner` outlives it.
inline MockCluster make_mock_cluster(rd_kafka_t* owner, int brokers) {
  MockCluster mock(rd_kafka_mock_cluster_new(owner, brokers));
  // From version 10 on, librdkafka 2.12's mock tells of a partition's leader without looking whether there
  // is one.
  constexpr int16_t kProduce = 0;
  rd_kafka_mock_set_apiversion(mock.get(), kProduce, 0, 9);
  return mock;
}

// A producer's.
inline std::map<std::string, std::string> properties_for(const MockCluster& mock) {
  return {
      {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock.get())},
      {"linger.ms", "1"},
      {"topic.metadata.propagation.max.ms", "200"},
  };
}

// What is handed over together goes out as one request, for tests in which the cluster refuses one. It looks
// at no sequence numbers: what comes behind a refused request it stores, and a broker refuses that, too.
inline void send_together(std::map<std::string, std::string>& properties) {
  properties["linger.ms"] = "105";
}

}  // namespace e2k::worker
