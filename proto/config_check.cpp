#include "proto/config_check.h"

#include <algorithm>

#include "common/config/property_rules.h"
#include "common/config/spelling.h"
#include "proto/kafka_conf.h"

namespace e2k {
namespace {

using Merged = std::map<std::string, std::string>;

// librdkafka's reasons quote some values.
void hide_secrets(std::string& text, const Properties& properties) {
  for (const auto& property : properties) {
    const std::string& secret = property.second.value;
    if (!property.second.secret || secret.empty()) continue;
    for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3)
      text.replace(at, secret.size(), "***");
  }
}

class Check {
public:
  explicit Check(const Config& config) : config_(config) {}

  void side(const std::string& name, const Properties& refinement, const Merged& owned,
            rd_kafka_type_t type) {
    Merged properties = merged_properties(config_.kafka.common, refinement);
    for (const auto& [property, value] : owned) properties[property] = value;
    for (const kafka::PropertyProblem& problem : kafka::check_properties(properties, type)) {
      std::string reason = problem.reason;
      hide_secrets(reason, config_.kafka.common);
      hide_secrets(reason, refinement);
      if (problem.property.empty())
        add(config_.path + ": [kafka] and [kafka." + name + "]: librdkafka refuses them together: " + reason,
            reason);
      else
        add(place(problem.property, name, refinement) + ": librdkafka refuses it: " + reason +
                hint(problem.property, reason),
            "");
    }
  }

  // What the workers would refuse one by one is refused here, before anything starts.
  void built_in(const std::string& key, const std::string& value, const std::vector<std::string>& accepted) {
    if (std::find(accepted.begin(), accepted.end(), value) != accepted.end()) return;
    std::string message =
        place_of(key) + ": " + key + ": " + value + " is not in this version yet; accepted:";
    for (const std::string& one : accepted) message += " " + one;
    add(std::move(message), "");
  }

  // Each worker needs room for two segments of the spool, and a segment for the largest event.
  void share_of_the_spool() {
    const Config::Spool& spool = config_.spool;
    const int64_t least = std::max<int64_t>(3 * spool.max_event_bytes, 1 << 20) * config_.workers.count;
    if (spool.max_total_bytes >= least) return;
    const std::string key = "spool.max_total_bytes";
    add(place_of(key) + ": " + key + ": is too small to be shared by " +
            std::to_string(config_.workers.count) + " workers; accepted: at least " + std::to_string(least) +
            " (three times spool.max_event_bytes a worker)",
        "");
  }

  std::vector<std::string> messages() && { return std::move(messages_); }

private:
  // `reason` where both sides would give it in different messages.
  void add(std::string message, const std::string& reason) {
    if (!reason.empty()) {
      if (std::find(reasons_.begin(), reasons_.end(), reason) != reasons_.end()) return;
      reasons_.push_back(reason);
    }
    if (std::find(messages_.begin(), messages_.end(), message) == messages_.end())
      messages_.push_back(std::move(message));
  }

  std::string place(const std::string& property, const std::string& side,
                    const Properties& refinement) const {
    const std::string key = (refinement.contains(property) ? "kafka." + side + "." : "kafka.") + property;
    const auto known = config_.places.find(key);
    return (known == config_.places.end() ? config_.path : known->second) + ": " + key;
  }

  std::string place_of(const std::string& key) const {
    const auto known = config_.places.find(key);
    return known == config_.places.end() ? config_.path : known->second;
  }

  std::string hint(const std::string& property, const std::string& reason) {
    if (reason.find("No such configuration property") == std::string::npos) return "";
    if (names_.empty()) names_ = kafka::property_names();
    return config::suggestion(property, names_);
  }

  const Config& config_;
  std::vector<std::string> names_, messages_, reasons_;
};

}  // namespace

const std::map<std::string, std::string>& owned_producer_properties() {
  static const Merged owned = {{"acks", "all"},
                               {"enable.gapless.guarantee", "true"},
                               {"enable.idempotence", "true"},
                               {"message.timeout.ms", "0"}};
  return owned;
}

std::vector<std::string> check_config(const Config& config) {
  Check check(config);
  check.side("producer", config.kafka.producer, owned_producer_properties(), RD_KAFKA_PRODUCER);
  // No group is joined, yet librdkafka asks for a group's name where partitions are assigned.
  check.side("consumer", config.kafka.consumer, {{"group.id", config.commands.group}}, RD_KAFKA_CONSUMER);
  check.share_of_the_spool();
  check.built_in("value.converter", config.value.converter, {"json", "json-schema-envelope"});
  check.built_in("value.schema", config.value.schema, {"EPICS_CA_DBR"});
  check.built_in("key.converter", config.key.converter, {"string", "json", "json-schema-envelope"});
  return std::move(check).messages();
}

std::vector<std::string> config_remarks(const Config& config) {
  std::vector<std::string> remarks;
  const auto remark = [&](const std::string& key, const std::string& what) {
    const auto known = config.places.find(key);
    if (known != config.places.end()) remarks.push_back(known->second + ": " + key + ": " + what);
  };
  if (config.output.min_interval_ms != 0)
    remark("output.min_interval_ms", "is not carried out by this version: every event is published");
  if (config.workers.max_rss_bytes != 0)
    remark("workers.max_rss_bytes", "is not carried out by this version: workers' memory is not limited");
  if (config.spool.when_full == WhenFull::drop_oldest)
    remark("spool.when_full",
           "\"drop_oldest\" is not carried out by this version: a full spool drops the newest");
  return remarks;
}

}  // namespace e2k
