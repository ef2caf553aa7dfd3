#include "supervisor/ctl/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/config/config.h"
#include "common/text.h"
#include "supervisor/commands/assigned_consumer.h"
#include "supervisor/ctl/interruption.h"
#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/record_line.h"
#include "supervisor/ctl/registry_schemas.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_connection.h"
#include "supervisor/ctl/topic_reading.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;
using Begins = std::map<int32_t, int64_t>;

constexpr int kTurnMs = 200;
constexpr int64_t kNsPerS = 1'000'000'000, kNsPerMilli = 1'000'000, kNsPerMicro = 1'000;

struct Source {
  std::string topic;  // its name in Kafka
  std::string key;
  std::optional<int32_t> partition;  // of the last record
  std::optional<int64_t> offset;
};

// output.topic_prefix of the supervisor that answers: what stands before a topic's name in Kafka.
std::string prefix_of(const Client& client, const std::string& otherwise) {
  const auto body = client.get("/topics?limit=1");
  const auto page = body ? parse_object(*body) : Outcome<Json>(Json());
  if (!page) return otherwise;
  for (const Json& row : at(*page, "items")) {
    const std::string topic = text_in(row, "topic"), name = text_in(row, "kafka_name");
    if (!topic.empty() && name.ends_with(topic)) return name.substr(0, name.size() - topic.size());
  }
  return otherwise;
}

Source named(const MonitorRequest& request, const std::string& prefix) {
  return {prefix + request.topic, request.outkey.empty() ? request.channel : request.outkey, {}, {}};
}

Outcome<Source> source_of(const TopicUse& use, const MonitorRequest& request, const Client& client) {
  const auto body = client.get("/channels/" + percent_encode(request.channel));
  if (!body) {
    if (!request.topic.empty()) return named(request, use.settings.topic_prefix);
    Failure failure = body.error();
    if (failure.exit == Exit::not_running) failure.message += "; or name the topic: -t TOPIC";
    return tl::unexpected(failure);
  }
  const auto answer = parse_object(*body);
  if (!answer) return tl::unexpected(answer.error());
  const std::string prefix = prefix_of(client, use.settings.topic_prefix);
  std::optional<Source> found;
  std::string others;
  for (const Json& entry : at(*answer, "entries")) {
    const std::string topic = text_in(entry, "topic");
    if (!request.topic.empty() && topic != request.topic) continue;
    if (found) {
      others += (others.empty() ? "" : ", ") + topic;
      continue;
    }
    found = Source{
        prefix + topic, at(entry, "key").is_string() ? text_in(entry, "key") : request.channel, {}, {}};
    if (!at(entry, "last_offset").is_number_integer()) continue;
    found->partition = at(entry, "last_partition").get<int32_t>();
    found->offset = at(entry, "last_offset").get<int64_t>();
  }
  if (!found) return named(request, prefix);
  if (!others.empty())
    use.output.err << "shown is topic " << printable(found->topic)
                   << "; -t chooses another: " << printable(others) << '\n';
  return *found;
}

// Local time with microseconds, as camonitor shows it.
std::string time_text(int64_t unix_ns) {
  const time_t seconds = static_cast<time_t>(unix_ns / kNsPerS);
  tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[32] = "";
  (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return fmt::format("{}.{:06}", text, unix_ns % kNsPerS / kNsPerMicro);
}

// The IOC's own stamp where the record carries it, which is finer.
int64_t stamp_ns_of(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
      rd_kafka_header_get_last(headers, std::string(kStampHeader).c_str(), &value, &size) ==
          RD_KAFKA_RESP_ERR_NO_ERROR &&
      value != nullptr)
    return std::strtoll(std::string(static_cast<const char*>(value), size).c_str(), nullptr, 10);
  return std::max<int64_t>(0, rd_kafka_message_timestamp(&message, nullptr)) * kNsPerMilli;
}

std::string line_of(const std::string& channel, const rd_kafka_message_t& message, RegistrySchemas& schemas) {
  const std::string time = time_text(stamp_ns_of(message));
  const auto bytes = bytes_of(message.payload, message.len);
  if (!bytes) return record_line(channel, time, {"(a tombstone)", {}, 0, 0});
  const auto value = read_value(*bytes, [&schemas](uint32_t id) { return schemas.of(id); });
  return value ? record_line(channel, time, *value) : record_line(channel, time, {value.error(), {}, 0, 0});
}

Outcome<Begins> begins_of(const TopicUse& use, const Source& source, bool from_beginning,
                          KafkaConnection& connection) {
  const auto partitions = TopicAdmin(connection.get(), source.topic, use.timeout).partitions();
  if (!partitions)
    return tl::unexpected(refused(use.settings, "the topic " + source.topic, partitions.error()));
  Begins begins;
  for (const int32_t partition : *partitions)
    begins[partition] = from_beginning ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  // What is there already is shown first, as camonitor does.
  if (!from_beginning && source.partition && begins.contains(*source.partition))
    begins[*source.partition] = *source.offset;
  return begins;
}

}  // namespace

Exit monitor(const TopicUse& use, const MonitorRequest& request, const Client& client) {
  const auto source = source_of(use, request, client);
  if (!source) return complain(source.error(), use.output);
  TopicSettings settings = use.settings;
  settings.consumer.try_emplace("fetch.wait.max.ms", "500");  // it may run for days
  const auto connection = connect_reader(settings, Deadline(use.timeout));
  if (!connection) return complain(connection.error(), use.output);
  const auto begins = begins_of(use, *source, request.from_beginning, **connection);
  if (!begins) return complain(begins.error(), use.output);
  AssignedConsumer consumer((*connection)->get());
  if (auto assigned = consumer.assign(source->topic, *begins); !assigned)
    return complain(refused(settings, "the topic " + source->topic, assigned.error()), use.output);
  RegistrySchemas schemas(request.value_options);
  const Interruption interruption;
  for (size_t shown = 0; !interruption.came() && (!request.count || shown < *request.count);) {
    const Message message = consumer.next(kTurnMs);
    if (!message) continue;
    if (is_refusal(message->err) || is_missing(message->err))
      return complain(refused(settings, "the topic " + source->topic,
                              {message->err, rd_kafka_message_errstr(message.get())}),
                      use.output);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // librdkafka tries again
    const auto key = bytes_of(message->key, message->key_len);
    if (!key || !is_key(*key, source->key)) continue;
    use.output.out << line_of(request.channel, *message, schemas) << std::endl;
    ++shown;
  }
  return Exit::ok;
}

}  // namespace e2k::supervisor::ctl
