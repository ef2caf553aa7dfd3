// Shell. Which log the command topic is now: its id, asked over a connection of its own.
//
// Brokers answer one after the other what comes over one connection, and the consumer's fetches wait at the
// topic's end for half a second. The connection is made by the first question, and ended when there was none
// for kKeepNs. It is made with the files and from the addresses of that moment: where nobody answers it the
// consumer may stand nevertheless (brokers do not know the new certificates yet, the KDC is away). The
// question goes over the consumer's connection then, and so do all others for kRestNs.
//
// Calls block: for kOwnTimeout and the consumer's at most. One thread at a time.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/clock.h"
#include "supervisor/commands/command_consumer.h"
#include "supervisor/commands/topic_admin.h"

namespace e2k::supervisor {

class LogQuestion {
public:
  using Connect = std::function<Result<std::unique_ptr<CommandConsumer>>()>;

  LogQuestion(std::string topic, Connect connect) : topic_(std::move(topic)), connect_(std::move(connect)) {}

  // As TopicAdmin::id().
  KafkaResult<std::string> id(rd_kafka_t* consumer, std::chrono::milliseconds timeout);
  void end_if_unused();

private:
  static constexpr std::chrono::milliseconds kOwnTimeout{1000};
  static constexpr int64_t kKeepNs = 15 * kNsPerSecond, kRestNs = 60 * kNsPerSecond;
  KafkaResult<std::string> over_its_own();

  const std::string topic_;
  const Connect connect_;
  std::unique_ptr<CommandConsumer> own_;
  MonotonicNs asked_at_{0}, rests_until_{0};
};

}  // namespace e2k::supervisor
