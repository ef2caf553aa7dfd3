#include "supervisor/settings/property_check.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "common/config/converters.h"
#include "common/config/property_rules.h"
#include "common/config/spelling.h"
#include "common/kafka/conf.h"
#include "common/registry/registry_settings.h"
#include "supervisor/settings/spool_parts.h"
#include "supervisor/status/reason_code.h"

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

constexpr const char* kCode[] = {"plugin.library.paths", "ssl.engine.location", "ssl.engine.id",
                                 "ssl.providers"};

class Check {
public:
  Check(const Config& config, JudgedBy judge) : config_(config), leaves_code_(judge == JudgedBy::client) {}

  void side(const std::string& name, const Properties& refinement, const Merged& owned,
            rd_kafka_type_t type) {
    Merged properties = merged_properties(config_.kafka.common, refinement);
    for (const auto& [property, value] : owned) properties[property] = value;
    const bool has_left_out = leaves_code_ && erase_code(properties);
    for (const kafka::PropertyProblem& problem : kafka::check_properties(properties, type)) {
      if (has_left_out && is_unknown(problem.reason)) continue;  // perhaps a plug-in's
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

  // librdkafka would wait for a token for ever, without a word.
  void token_source(const std::string& name, const Properties& refinement) {
    Merged properties = merged_properties(config_.kafka.common, refinement);
    if (leaves_code_ && erase_code(properties)) return;  // a plug-in may bring them
    if (!kafka::lacks_tokens(properties)) return;
    add(place("sasl.mechanism", name, refinement) +
            ": OAUTHBEARER has no source of tokens; set sasl.oauthbearer.method = \"oidc\" with "
            "sasl.oauthbearer.token.endpoint.url, sasl.oauthbearer.client.id and "
            "sasl.oauthbearer.client.secret (or, for tests alone, enable.sasl.oauthbearer.unsecure.jwt = "
            "true "
            "with sasl.oauthbearer.config = \"principal=NAME\")",
        "");
  }

  // What a converter's workers would stumble over one by one.
  void converter(const std::string& table, const std::string& name, const Properties& options) {
    constexpr std::string_view kPlugin = "plugin:";
    if (config::needs_registry(name) && !options.contains("schema.registry.url")) {
      add(place_of(table + ".converter") + ": " + table +
              ".options.schema.registry.url: is missing; the converter " + name +
              " needs a schema registry; accepted: http://host:port, several separated by commas",
          "");
      return;
    }
    registry(table, options);
    if (!name.starts_with(kPlugin)) return;
    const std::string path = name.substr(kPlugin.size());
    if (::access(path.c_str(), R_OK) != 0)
      add(place_of(table + ".converter") + ": " + table + ".converter: the plug-in " + path +
              " can't be read: " + std::strerror(errno),
          "");
  }

  void share_of_the_spool() {
    const Config::Spool& spool = config_.spool;
    const int64_t least = supervisor::least_part(spool) * config_.workers.count;
    if (spool.max_total_bytes >= least) return;
    const std::string key = "spool.max_total_bytes";
    add(place_of(key) + ": " + key + ": is too small to be shared by " +
            std::to_string(config_.workers.count) + " workers; accepted: at least " + std::to_string(least) +
            " (three times spool.max_event_bytes a worker)",
        "");
  }

  void muted_reasons() {
    for (const std::string& code : config_.status.mute) {
      if (supervisor::reason_code_of(code)) continue;
      std::vector<std::string> known;
      for (const auto& kind : supervisor::kReasonKinds) known.emplace_back(kind.name);
      add(place_of("status.mute") + ": status.mute: there is no reason \"" + code + "\"" +
              config::suggestion(code, known) + "; reasons.md of the documentation lists them",
          "");
    }
  }

  std::vector<std::string> messages() && { return std::move(messages_); }

private:
  static bool erase_code(Merged& properties) {
    size_t erased = 0;
    for (const char* property : kCode) erased += properties.erase(property);
    return erased > 0;
  }
  static bool is_unknown(const std::string& reason) {
    return reason.find("No such configuration property") != std::string::npos;
  }

  // `reason` where both sides would give it in different messages.
  void add(std::string message, const std::string& reason) {
    if (!reason.empty()) {
      if (std::find(reasons_.begin(), reasons_.end(), reason) != reasons_.end()) return;
      reasons_.push_back(reason);
    }
    if (std::find(messages_.begin(), messages_.end(), message) == messages_.end())
      messages_.push_back(std::move(message));
  }

  void registry(const std::string& table, const Properties& options) {
    if (!options.contains("schema.registry.url")) return;
    const auto part = table == "key" ? config::RecordPart::key : config::RecordPart::value;
    config::OptionValues values;
    for (const auto& [name, value] : options) values[name] = value.value;
    const auto settings = config::read_registry_settings(config::registry_part(values, part), part);
    if (!settings) {
      const std::string& message = settings.error().message;  // begins with the key
      add(place_of(message.substr(0, message.find(": "))) + ": " + message, "");
      return;
    }
    const config::TlsSettings& tls = settings->tls;
    for (const std::string& path : {tls.ca_path, tls.certificate_path, tls.key_path})
      if (!path.empty() && ::access(path.c_str(), R_OK) != 0)
        add(place_of_value(table + ".options.", path, options) + path + " can't be read: " +
                std::strerror(errno) + "; correct the path, or let the service's user read it",
            "");
  }

  // The key that holds such a value, with its place.
  std::string place_of_value(const std::string& prefix, const std::string& value,
                             const Properties& options) const {
    for (const auto& [name, given] : options)
      if (given.value == value) return place_of(prefix + name) + ": " + prefix + name + ": ";
    return config_.path + ": ";
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
    if (!is_unknown(reason)) return "";
    if (names_.empty()) names_ = kafka::property_names();
    return config::suggestion(property, names_);
  }

  const Config& config_;
  const bool leaves_code_;
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

bool names_code(const Config& config) {
  for (const Properties* side : {&config.kafka.common, &config.kafka.producer, &config.kafka.consumer})
    for (const char* property : kCode)
      if (side->contains(property)) return true;
  return false;
}

std::vector<std::string> check_config(const Config& config, JudgedBy judge) {
  Check check(config, judge);
  check.side("producer", config.kafka.producer, owned_producer_properties(), RD_KAFKA_PRODUCER);
  check.side("consumer", config.kafka.consumer, {}, RD_KAFKA_CONSUMER);
  check.token_source("producer", config.kafka.producer);
  check.token_source("consumer", config.kafka.consumer);
  check.share_of_the_spool();
  check.muted_reasons();
  check.converter("value", config.value.converter, config.value.options);
  check.converter("key", config.key.converter, config.key.options);
  return std::move(check).messages();
}

std::vector<std::string> config_remarks(const Config& config) {
  std::vector<std::string> remarks;
  const auto remark = [&](const std::string& key, const std::string& what) {
    const auto known = config.places.find(key);
    if (known != config.places.end()) remarks.push_back(known->second + ": " + key + ": " + what);
  };
  for (const auto& [table, side] : {std::pair{"value", &config.value.options}, {"key", &config.key.options}})
    if (config::option_is_true(*side, "use.latest.version", false) &&
        config::option_is_true(*side, "auto.register.schemas", true))
      remark(std::string(table) + ".options.use.latest.version",
             "does nothing while auto.register.schemas is true, its default: this program's schema is "
             "registered and used");
  constexpr int64_t kLeastOfWorker = int64_t{64} << 20;
  if (config.workers.max_rss_bytes > 0 && config.workers.max_rss_bytes < kLeastOfWorker)
    remark("workers.max_rss_bytes",
           "is less than the 64 MiB that any worker needs: each is replaced every five minutes");
  if (config.value.converter.starts_with("plugin:"))
    remark("value.schema", "does nothing: the plug-in says what its records hold");
  return remarks;
}

}  // namespace e2k
