#include "supervisor/migrate/option_table.h"

#include <array>
#include <span>

namespace e2k::supervisor::migrate {
namespace {

constexpr std::string_view kTransforms =
    "a transform of Connect's: records are published as they are; transform them behind Kafka (a prefix "
    "before topics' "
    "names is output.topic_prefix)";
constexpr std::string_view kPredicates = "chooses records for transforms, of which there are none";
constexpr std::string_view kAtOnce = "a command is carried out when it comes, without a pause for the others";
constexpr std::string_view kErrors =
    "Connect's handling of errors: here an event waits until Kafka has it, and what is lost is counted with "
    "its reason";
constexpr std::string_view kTopics =
    "Connect made output topics with these settings; this program makes none but the command topic: create "
    "them";
constexpr std::string_view kExactly =
    "of Connect's transactions; the spool and idempotence do their work here";
constexpr std::string_view kOffsets =
    "of Connect's own topics, which are not used; the old ones can be deleted when "
    "the connector is gone";
constexpr std::string_view kRest = "of Connect's HTTP server; here control.http serves the control API";
constexpr std::string_view kGroup =
    "of the group of Connect's workers; here the supervisor divides the channels";
constexpr std::string_view kHeaders = "records have no headers but those of output.headers";
constexpr std::string_view kMetrics = "of Java's metrics; here it is control.metrics, for Prometheus";
constexpr std::string_view kAdmin = "of Connect's admin client, which makes topics";
constexpr std::string_view kSinks = "of sink connectors";
constexpr std::string_view kOwnClients = "of the Connect worker's own clients, not of its connectors'";
constexpr std::string_view kPlugins = "where Connect finds its classes";
constexpr std::string_view kFramework = "says how Connect treats its connectors";

constexpr auto kConnector = std::to_array<KnownOption>({
    {"transforms", kTransforms, true},
    {"transforms.", kTransforms, true},
    {"predicates", kPredicates, true},
    {"predicates.", kPredicates, true},
    {"monitor.thread.pool.size", "threads of the Java library; here each worker is a process"},
    {"command.poll.millis", kAtOnce},
    {"command.max.poll.records", kAtOnce},
    {"command.settle.seconds", kAtOnce},
    {"command.load.timeout.seconds",
     "the command topic is read for as long as it takes; status says STARTING meanwhile"},
    {"schema.registry.url",
     "of the schema that older releases had for the command topic; values' and keys' is value.options and "
     "key.options"},
    {"header.converter", kHeaders},
    {"header.converter.", kHeaders},
    {"errors.", kErrors},
    {"topic.creation.", kTopics, true},
    {"exactly.once.support", kExactly},
    {"transaction.boundary", kExactly},
    {"transaction.boundary.", kExactly},
    {"offsets.storage.topic", kOffsets},
    {"consumer.override.", kSinks},
    {"admin.override.", kAdmin},
    {"config.action.reload", kFramework},
    {"tasks.max.enforce", kFramework},
});

constexpr auto kWorker = std::to_array<KnownOption>({
    {"offset.", kOffsets},
    {"config.storage.", kOffsets},
    {"status.storage.", kOffsets},
    {"internal.", kOffsets},
    {"rest.", kRest},
    {"listeners", kRest},
    {"listeners.", kRest},
    {"admin.listeners", kRest},
    {"admin.listeners.", kRest},
    {"access.control.", kRest},
    {"response.http.", kRest},
    {"group.id", kGroup},
    {"client.id", kOwnClients},
    {"session.timeout.ms", kGroup},
    {"heartbeat.interval.ms", kGroup},
    {"rebalance.timeout.ms", kGroup},
    {"scheduled.rebalance.max.delay.ms", kGroup},
    {"connect.protocol", kGroup},
    {"worker.", kGroup},
    {"inter.worker.", kGroup},
    {"task.shutdown.graceful.timeout.ms", "here it is workers.drain_timeout_ms"},
    {"plugin.path", kPlugins},
    {"plugin.discovery", kPlugins},
    {"connector.client.config.override.policy", kFramework},
    {"topic.creation.enable", kTopics},
    {"topic.tracking.", kFramework},
    {"exactly.once.source.support", kExactly},
    {"header.converter", kHeaders},
    {"header.converter.", kHeaders},
    {"metric.reporters", kMetrics},
    {"metrics.", kMetrics},
    {"auto.include.jmx.reporter", kMetrics},
    {"config.providers",
     "where Connect takes secrets from; here a value is {file = …}, {credential = …} or {env = …}"},
    {"config.providers.",
     "where Connect takes secrets from; here a value is {file = …}, {credential = …} or {env = …}"},
    {"admin.", kAdmin},
    {"consumer.", kSinks},
    {"client.dns.lookup", kOwnClients},
    {"connections.", kOwnClients},
    {"metadata.", kOwnClients},
    {"receive.buffer.bytes", kOwnClients},
    {"reconnect.", kOwnClients},
    {"request.timeout.ms", kOwnClients},
    {"retry.", kOwnClients},
    {"send.buffer.bytes", kOwnClients},
    {"socket.", kOwnClients},
});

std::optional<KnownOption> find(std::span<const KnownOption> table, std::string_view name) {
  for (const KnownOption& option : table)
    if (option.name == name || (option.name.ends_with('.') && name.starts_with(option.name))) return option;
  return std::nullopt;
}

}  // namespace

std::optional<KnownOption> connector_option(std::string_view name) {
  return find(kConnector, name);
}

std::optional<KnownOption> worker_option(std::string_view name) {
  return find(kWorker, name);
}

}  // namespace e2k::supervisor::migrate
