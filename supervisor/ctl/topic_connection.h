// Shell. A connection to the command topic's brokers (or to those of output topics) that answer, or why none
// does.
//
// What brokers refuse is told when they refuse it, in librdkafka's words and with the remedy; only silence
// takes the whole time. Exit codes: a login or a right that is refused is Exit::permission, silence
// Exit::timed_out, a refused property Exit::usage, everything else Exit::failed.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "supervisor/commands/deadline.h"
#include "supervisor/commands/kafka_connection.h"
#include "supervisor/ctl/topic_settings.h"

namespace e2k::supervisor::ctl {

using Connected = std::unique_ptr<KafkaConnection>;

// For questions, and for reading from the beginning: no group, nothing is made by asking.
Outcome<Connected> connect_reader(const TopicSettings& settings, const Deadline& deadline);
Outcome<Connected> connect_writer(const TopicSettings& settings,
                                  const std::map<std::string, std::string>& properties,
                                  KafkaConnection::Delivered delivered, const Deadline& deadline);

// What a broker answered to a question about `topic` ("the command topic x"); what it did not is a time-out.
Failure refused(const TopicSettings& settings, const std::string& topic, const KafkaError& error);
Failure timed_out(const TopicSettings& settings, KafkaConnection& connection,
                  std::chrono::milliseconds timeout, const std::string& what);

}  // namespace e2k::supervisor::ctl
