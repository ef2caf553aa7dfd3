#include "supervisor/commands/topic_look.h"

namespace e2k::supervisor {

TopicLook look_at(const TopicAdmin& topic, bool may_create, int replication_factor) {
  TopicLook found;
  auto leaders = topic.leaders();
  if (!leaders && may_create && leaders.error().code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    auto created = topic.create(replication_factor);
    if (!created) found.create_error = created.error();
    found.created = created.has_value();
    // A fresh topic takes a moment to reach the metadata; the next look will find it.
    if (created) leaders = topic.leaders();
  }
  if (!leaders) {
    found.error = leaders.error();
    return found;
  }
  std::vector<int32_t> led;
  for (const auto& [partition, has_leader] : *leaders) {
    found.partitions.push_back(partition);
    (has_leader ? led : found.leaderless).push_back(partition);
  }
  if (const auto id = topic.id()) {
    found.id = *id;
  } else if (is_missing(id.error().code)) {
    found.error = id.error();  // it went between the two questions
    return found;
  }  // else the cluster's controller, which tells of ids, is away: others are read from meanwhile
  if (auto extents = topic.extents(led)) found.extents = std::move(*extents);
  if (auto policy = topic.cleanup_policy()) {
    found.cleanup_policy = *policy;
  } else {
    found.policy_error = policy.error();
  }
  return found;
}

}  // namespace e2k::supervisor
