#include "supervisor/ctl/topic_connection.h"

#include <fmt/format.h>

#include <utility>

#include "supervisor/commands/reach.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_reading.h"

namespace e2k::supervisor::ctl {
namespace {

Exit exit_of(Trouble trouble) {
  switch (trouble) {
    case Trouble::login:
    case Trouble::not_allowed:
      return Exit::permission;
    case Trouble::silent:
      return Exit::timed_out;
    case Trouble::none:
    case Trouble::unreachable:
    case Trouble::unresolved:
    case Trouble::protocol:
    case Trouble::tls:
    case Trouble::odd:
      break;
  }
  return Exit::failed;
}

Outcome<Connected> reached(Result<Connected> opened, const TopicSettings& settings,
                           const Deadline& deadline) {
  if (!opened) return tl::unexpected(Failure{Exit::usage, std::move(opened.error().message)});
  const auto cluster = reach(**opened, deadline);
  if (cluster) return std::move(*opened);
  const NotReached& why = cluster.error();
  return tl::unexpected(
      Failure{exit_of(why.trouble),
              fmt::format("brokers: {} {}{}{}; {}", broker_complaint(why.trouble), settings.servers,
                          why.words.empty() ? "" : ": ", printable(why.words), broker_remedy(why.trouble))});
}

}  // namespace

Outcome<Connected> connect_reader(const TopicSettings& settings, const Deadline& deadline) {
  auto properties = settings.consumer;
  properties["enable.partition.eof"] = "true";
  properties["auto.offset.reset"] = "earliest";
  properties["allow.auto.create.topics"] = "false";
  properties.try_emplace("fetch.wait.max.ms", "10");  // an end is told by a fetch that waited in vain
  properties.try_emplace("fetch.queue.backoff.ms",
                         "5");  // else it pauses for a second whenever its queue is full
  return reached(KafkaConnection::open(RD_KAFKA_CONSUMER, properties), settings, deadline);
}

Outcome<Connected> connect_writer(const TopicSettings& settings,
                                  const std::map<std::string, std::string>& properties,
                                  KafkaConnection::Delivered delivered, const Deadline& deadline) {
  return reached(KafkaConnection::open(RD_KAFKA_PRODUCER, properties, delivered), settings, deadline);
}

Failure refused(const TopicSettings& settings, const std::string& topic, const KafkaError& error) {
  return {is_missing(error.code)   ? Exit::not_found
          : is_refusal(error.code) ? Exit::permission
                                   : Exit::failed,
          fmt::format("{} on {}: {}", topic, settings.servers, printable(error.message))};
}

Failure timed_out(const TopicSettings& settings, KafkaConnection& connection,
                  std::chrono::milliseconds timeout, const std::string& what) {
  const std::string words = connection.last_words();
  return {Exit::timed_out, fmt::format("{} on {} within {:g} s{}{}", what, settings.servers,
                                       static_cast<double>(timeout.count()) / 1000, words.empty() ? "" : ": ",
                                       printable(words))};
}

}  // namespace e2k::supervisor::ctl
