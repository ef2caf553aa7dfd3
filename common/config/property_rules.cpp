#include "common/config/property_rules.h"

#include <array>
#include <utility>

namespace e2k::config {
namespace {

using Row = std::pair<std::string_view, std::string_view>;

template <size_t N>
std::optional<std::string_view> found(const std::array<Row, N>& rows, std::string_view name) {
  for (const Row& row : rows)
    if (row.first == name) return row.second;
  return std::nullopt;
}

// Aliases of librdkafka, and the name that Kafka's other clients share. Those of refused properties are
// left out.
constexpr auto kAliases = std::to_array<Row>({
    {"metadata.broker.list", "bootstrap.servers"},
    {"sasl.mechanisms", "sasl.mechanism"},
    {"fetch.message.max.bytes", "max.partition.fetch.bytes"},
    {"queue.buffering.max.ms", "linger.ms"},
    {"compression.codec", "compression.type"},
});

constexpr std::string_view kNoLoss = "every event is delivered, in order, until Kafka has acknowledged it";
constexpr std::string_view kNoGroup =
    "the command topic's partitions are assigned directly, no group is joined and nothing is committed "
    "(commands.group is kept for migration only)";
constexpr std::string_view kReports = "the spool is released by these reports";
constexpr auto kOwned = std::to_array<Row>({
    {"enable.idempotence", kNoLoss},
    {"enable.gapless.guarantee", kNoLoss},
    {"acks", kNoLoss},
    {"request.required.acks", kNoLoss},
    {"message.timeout.ms",
     "an event waits as long as it must; the spool bounds what waits (spool.max_total_bytes)"},
    {"delivery.timeout.ms",
     "an event waits as long as it must; the spool bounds what waits (spool.max_total_bytes)"},
    {"retries", kNoLoss},
    {"message.send.max.retries", kNoLoss},
    {"queuing.strategy", kNoLoss},
    {"transactional.id",
     "records are sent without transactions; a slot's spool is what makes them exactly once"},
    {"delivery.report.only.error", kReports},
    {"group.id", kNoGroup},
    {"group.instance.id", kNoGroup},
    {"enable.partition.eof", "the end of the command topic is told by it"},
    {"auto.commit.enable", kNoGroup},
    {"auto.offset.reset", "the command topic is read from its beginning at each start"},
    {"enabled_events", "callbacks and events are chosen by the program"},
    {"statistics.interval.ms", "the program's own figures are served by control.metrics"},
    {"log.queue", "librdkafka's log lines are led into the program's log"},
});

constexpr std::string_view kTrustStore =
    "ssl.ca.location (a PEM file or a folder of them; keytool and openssl convert a trust store)";
constexpr std::string_view kSerialisers =
    "value.converter and key.converter of this file: they are what writes the records";
constexpr std::string_view kBuffer =
    "queue.buffering.max.kbytes for librdkafka's queue, spool.max_total_bytes for what waits behind it";
constexpr auto kJavaOnly = std::to_array<Row>({
    {"sasl.jaas.config",
     "sasl.username and sasl.password, or sasl.kerberos.principal and sasl.kerberos.keytab"},
    {"sasl.client.callback.handler.class", "sasl.mechanism with sasl.username and sasl.password"},
    {"sasl.login.callback.handler.class", "sasl.oauthbearer.method and sasl.oauthbearer.config"},
    {"sasl.login.class", "sasl.mechanism"},
    {"sasl.kerberos.kinit.cmd.path", "sasl.kerberos.kinit.cmd"},
    {"sasl.kerberos.ticket.renew.window.factor", "sasl.kerberos.min.time.before.relogin"},
    {"sasl.kerberos.ticket.renew.jitter", "sasl.kerberos.min.time.before.relogin"},
    {"ssl.truststore.location", kTrustStore},
    {"ssl.truststore.password", "ssl.ca.location, which needs no password"},
    {"ssl.truststore.type", kTrustStore},
    {"ssl.truststore.certificates", "ssl.ca.pem"},
    {"ssl.keystore.type",
     "ssl.keystore.location, which is always PKCS#12, or ssl.certificate.location with "
     "ssl.key.location for PEM"},
    {"ssl.keystore.key", "ssl.key.pem or ssl.key.location"},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem or ssl.certificate.location"},
    {"ssl.enabled.protocols", "ssl.cipher.suites, or the limits of the system's OpenSSL configuration"},
    {"ssl.protocol", "ssl.cipher.suites, or the limits of the system's OpenSSL configuration"},
    {"ssl.provider", "ssl.providers"},
    {"ssl.keymanager.algorithm", "nothing: OpenSSL has no such choice"},
    {"ssl.trustmanager.algorithm", "nothing: OpenSSL has no such choice"},
    {"ssl.secure.random.implementation", "nothing: OpenSSL has no such choice"},
    {"ssl.engine.factory.class", "ssl.engine.location or ssl.providers"},
    {"security.providers", "ssl.providers"},
    {"key.serializer", kSerialisers},
    {"value.serializer", kSerialisers},
    {"key.deserializer", "nothing: the command topic's format is fixed"},
    {"value.deserializer", "nothing: the command topic's format is fixed"},
    {"interceptor.classes", "plugin.library.paths with an interceptor built for librdkafka"},
    {"metric.reporters", "control.metrics, which serves Prometheus' text"},
    {"metrics.num.samples", "control.metrics, which serves Prometheus' text"},
    {"metrics.recording.level", "control.metrics, which serves Prometheus' text"},
    {"metrics.sample.window.ms", "control.metrics, which serves Prometheus' text"},
    {"auto.include.jmx.reporter", "control.metrics, which serves Prometheus' text"},
    {"max.block.ms", "nothing: no part of the program ever blocks on librdkafka's queue"},
    {"buffer.memory", kBuffer},
    {"max.request.size", "message.max.bytes"},
    {"partitioner.class", "partitioner (murmur2_random is the Java producer's and the default here)"},
    {"partitioner.ignore.keys", "partitioner (\"random\" ignores keys)"},
    {"partitioner.adaptive.partitioning.enable", "partitioner"},
    {"partitioner.availability.timeout.ms", "partitioner"},
    {"metadata.max.idle.ms", "metadata.max.age.ms"},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"client.dns.lookup", "broker.address.family; all addresses of a name are tried anyway"},
    {"socket.connection.setup.timeout.max.ms", "socket.connection.setup.timeout.ms"},
    {"request.timeout.max.ms", "request.timeout.ms"},
    {"retry.backoff.max.ms", "retry.backoff.ms"},
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
    {"max.poll.records", "nothing: records are taken as they come"},
    {"exclude.internal.topics", "nothing: only the command topic is read"},
    {"allow.auto.create.topics.enable", "allow.auto.create.topics"},
    {"default.api.timeout.ms", "socket.timeout.ms"},
    {"config.providers", "{file = …}, {credential = …} or {env = …} as a value"},
});

bool is_or_is_below(std::string_view name, std::string_view folder) {
  return name == folder || (name.starts_with(folder) && name[folder.size()] == '.');
}

std::optional<std::string_view> owned_reason(std::string_view name) {
  if (const auto reason = found(kOwned, name)) return reason;
  if (name.starts_with("max.in.flight"))
    return "more than one request in flight is kept in order by idempotence, whose limit is chosen with it";
  if (is_or_is_below(name, "enable.auto")) return kNoGroup;
  return std::nullopt;
}

}  // namespace

std::string_view canonical_property(std::string_view name) {
  return found(kAliases, name).value_or(name);
}

std::optional<std::string> refused_kafka_property(std::string_view name) {
  if (const auto reason = owned_reason(name))
    return "belongs to epics2kafka and cannot be set: " + std::string(*reason);
  if (const auto instead = found(kJavaOnly, name))
    return "is a property of the Java clients, unknown to librdkafka; use " + std::string(*instead);
  return std::nullopt;
}

bool is_secret_property(std::string_view name) {
  if (name == "sasl.oauthbearer.token.endpoint.url") return false;
  const auto holds = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
  return holds("password") || holds("secret") || holds("token") || holds("passphrase") ||
         name.ends_with("key.pem") || name.ends_with("auth.user.info") || name == "sasl.jaas.config" ||
         name == "sasl.oauthbearer.config" || name == "ssl.keystore.key";
}

bool holds_secret(std::string_view name, std::string_view value) {
  if (is_secret_property(name)) return true;
  // A list of addresses may hold one in any place, and a password may hold what ends an address.
  return name.ends_with("url") && value.find('@') != std::string_view::npos;
}

bool is_file_only_property(std::string_view name) {
  return name == "plugin.library.paths" || name == "ssl.providers" || is_or_is_below(name, "ssl.engine") ||
         is_or_is_below(name, "sasl.kerberos") || name.ends_with(".location");
}

void name_login_files(const Properties& properties, std::map<std::string, std::string>& handle_properties) {
  const auto name_file = [&](const char* property) {
    const auto found = properties.find(property);
    if (found == properties.end()) return;
    const std::string name = std::string(kFilePrefix) + property;
    // A refinement that comes from no file takes the place of one that does.
    handle_properties.erase(name);
    if (!found->second.file.empty()) handle_properties[name] = found->second.file;
  };
  for (const char* property : kLoginProperties) name_file(property);
  for (const char* property : kCertificateProperties) name_file(property);
}

}  // namespace e2k::config

namespace e2k {

std::map<std::string, std::string> merged_properties(const Properties& common, const Properties& side) {
  std::map<std::string, std::string> merged;
  for (const auto& [name, value] : common) merged[name] = value.value;
  for (const auto& [name, value] : side) merged[name] = value.value;
  return merged;
}

std::string shown_servers(const Properties& common, const Properties& side) {
  for (const Properties* properties : {&side, &common})
    if (const auto found = properties->find("bootstrap.servers"); found != properties->end())
      return found->second.secret ? "***" : found->second.value;
  return "localhost:9092";
}

}  // namespace e2k
