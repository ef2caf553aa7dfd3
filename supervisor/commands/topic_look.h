// Shell. One look at the command topic: is it there, made anew, compacted, are its partitions led, where do
// they begin and end. Waits for brokers, hence made on a thread of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/commands/topic_admin.h"

namespace e2k::supervisor {

struct TopicLook {
  KafkaError error;  // of the description
  bool created = false;
  KafkaError create_error;  // of making it
  std::vector<int32_t> partitions;
  std::vector<int32_t> leaderless;
  std::string id;                             // "" where brokers have none, or did not tell
  std::map<int32_t, Extent> extents;          // of those that answered
  std::optional<std::string> cleanup_policy;  // nothing when it could not be asked
  KafkaError policy_error;                    // why
};

TopicLook look_at(const TopicAdmin& topic, bool may_create, int replication_factor);

// Whether the topic is gone.
inline bool is_missing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}
// Whether this client may not see, or read, it.
inline bool is_refused(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

}  // namespace e2k::supervisor
