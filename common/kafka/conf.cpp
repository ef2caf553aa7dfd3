#include "common/kafka/conf.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

namespace e2k::kafka {
namespace {

constexpr size_t kReasonBytes = 512;

// librdkafka's only property of this kind takes "nan", and reckons with it.
bool is_no_number(const rd_kafka_conf_t* conf, const std::string& property) {
  if (property != "linger.ms" && property != "queue.buffering.max.ms") return false;
  char text[64];
  size_t bytes = sizeof text;
  return rd_kafka_conf_get(conf, property.c_str(), text, &bytes) == RD_KAFKA_CONF_OK &&
         std::isnan(std::strtod(text, nullptr));
}

bool holds(const rd_kafka_conf_t* conf, const char* property, std::string_view value) {
  char text[kReasonBytes] = "";
  size_t bytes = sizeof text;
  return rd_kafka_conf_get(conf, property, text, &bytes) == RD_KAFKA_CONF_OK && text == value;
}

constexpr const char* kUnsigned = "enable.sasl.oauthbearer.unsecure.jwt";

}  // namespace

tl::expected<Conf, std::vector<PropertyProblem>> make_conf(
    const std::map<std::string, std::string>& properties) {
  Conf conf(rd_kafka_conf_new());
  std::vector<PropertyProblem> problems;
  char reason[kReasonBytes] = "";
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof reason) != RD_KAFKA_CONF_OK)
      problems.push_back({name, reason});
    else if (is_no_number(conf.get(), name))
      problems.push_back({name, "nan is no time in milliseconds"});
  }
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return conf;
}

std::vector<PropertyProblem> check_properties(const std::map<std::string, std::string>& properties,
                                              rd_kafka_type_t type) {
  auto conf = make_conf(properties);
  if (!conf) return std::move(conf.error());
  // Without brokers the handle's threads have nobody to connect to.
  char reason[kReasonBytes] = "";
  rd_kafka_conf_set(conf->get(), "bootstrap.servers", "", reason, sizeof reason);
  // What a handle would log about itself is not for those who read a check's answer.
  rd_kafka_conf_set_log_cb(conf->get(), nullptr);
  // No ticket is fetched: its command is the service's to run, as the service's user.
  rd_kafka_conf_set(conf->get(), "sasl.kerberos.min.time.before.relogin", "0", reason, sizeof reason);
  // A token that would be fetched is not: its endpoint may be down without anything being wrong here.
  if (!holds(conf->get(), kUnsigned, "true"))
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf->get(), [](rd_kafka_t*, const char*, void*) {});
  // One that is made here is made with the handle; what is wrong with it comes as an error.
  std::string refused;
  rd_kafka_conf_set_opaque(conf->get(), &refused);
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int code, const char* text, void* out) {
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION) *static_cast<std::string*>(out) = text;
  });
  const Handle handle(rd_kafka_new(type, conf->get(), reason, sizeof reason));
  if (!handle) return {{"", reason}};
  conf->release();  // the handle's now
  rd_kafka_poll(handle.get(), 0);
  if (!refused.empty()) return {{"", refused}};
  return {};
}

bool lacks_tokens(const std::map<std::string, std::string>& properties) {
  const auto conf = make_conf(properties);
  if (!conf) return false;
  return holds(conf->get(), "sasl.mechanism", "OAUTHBEARER") &&
         !holds(conf->get(), "sasl.oauthbearer.method", "oidc") && !holds(conf->get(), kUnsigned, "true") &&
         !properties.contains("plugin.library.paths");
}

std::string version() {
  return rd_kafka_version_str();
}

std::vector<std::string> property_names() {
  // The table that rd_kafka_conf_properties_show writes is the one list with aliases and unset properties in
  // it: a line a property, its name before the first bar.
  char* table = nullptr;
  size_t bytes = 0;
  FILE* out = open_memstream(&table, &bytes);
  if (out == nullptr) return {};
  rd_kafka_conf_properties_show(out);
  std::fclose(out);
  std::istringstream lines(std::string(table, bytes));
  std::free(table);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const size_t end = line.find_first_of(" |");
    if (line.find('|') == std::string::npos || end == 0 || line.starts_with("Property") || line[0] == '-')
      continue;
    names.push_back(line.substr(0, end));
  }
  return names;
}

}  // namespace e2k::kafka
