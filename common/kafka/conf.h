// Shell. librdkafka's handles with owners, and its configuration from properties.
//
// Both programs and the client speak to Kafka; what they share of it is here, and nothing else is.
#pragma once

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"

namespace e2k::kafka {

struct ConfDeleter {
  void operator()(rd_kafka_conf_t* p) const { rd_kafka_conf_destroy(p); }
};
struct TopicConfDeleter {
  void operator()(rd_kafka_topic_conf_t* p) const { rd_kafka_topic_conf_destroy(p); }
};
struct HandleDeleter {
  void operator()(rd_kafka_t* p) const { rd_kafka_destroy(p); }
};
struct QueueDeleter {
  void operator()(rd_kafka_queue_t* p) const { rd_kafka_queue_destroy(p); }
};
struct EventDeleter {
  void operator()(rd_kafka_event_t* p) const { rd_kafka_event_destroy(p); }
};
struct TopicDeleter {
  void operator()(rd_kafka_topic_t* p) const { rd_kafka_topic_destroy(p); }
};
struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* p) const { rd_kafka_topic_partition_list_destroy(p); }
};
struct MetadataDeleter {
  void operator()(const struct rd_kafka_metadata* p) const { rd_kafka_metadata_destroy(p); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDeleter>;
using Handle = std::unique_ptr<rd_kafka_t, HandleDeleter>;
using Queue = std::unique_ptr<rd_kafka_queue_t, QueueDeleter>;
using Event = std::unique_ptr<rd_kafka_event_t, EventDeleter>;
using Topic = std::unique_ptr<rd_kafka_topic_t, TopicDeleter>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, PartitionListDeleter>;
using Metadata = std::unique_ptr<const struct rd_kafka_metadata, MetadataDeleter>;

// One refused property: librdkafka's own words ("No such configuration property: …").
struct PropertyProblem {
  std::string property;
  std::string reason;
};

// A configuration with `properties` set, verbatim. Unknown names and bad values are all collected.
tl::expected<Conf, std::vector<PropertyProblem>> make_conf(
    const std::map<std::string, std::string>& properties);

// Whether librdkafka would start with them: what make_conf finds, and, where that finds nothing, what only
// the creation of a handle does (contradictions, unreadable certificates; its `property` is then empty).
// Connects to nothing and runs no kinit command. Plug-ins named by `plugin.library.paths` are loaded.
std::vector<PropertyProblem> check_properties(const std::map<std::string, std::string>& properties,
                                              rd_kafka_type_t type);

// Whether a login with tokens (OAUTHBEARER) is asked for and nothing would bring any: neither OIDC nor
// unsigned ones, nor a plug-in. librdkafka starts with that, and waits. Not for properties that it refuses.
bool lacks_tokens(const std::map<std::string, std::string>& properties);

// The librdkafka that runs, as "2.12.0".
std::string version();

// The names that this librdkafka knows, aliases included, for suggestions; unordered, a few twice.
std::vector<std::string> property_names();

}  // namespace e2k::kafka
