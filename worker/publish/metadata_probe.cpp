#include "worker/publish/metadata_probe.h"

#include <pthread.h>

#include <utility>

#include "common/kafka/conf.h"
#include "common/log.h"

namespace e2k::worker {
namespace {

constexpr int kAnswerTimeoutMs = 1000;  // also the longest that the end of the probe waits
constexpr int kAllTopics = 1;
// librdkafka's handle that was once told of no brokers at all (a cluster that comes out of a pause) knows
// none from then on (common/kafka/abandonment.h): after so many questions a new one asks.
constexpr int kUnansweredOfOne = 10;

}  // namespace

MetadataProbe::MetadataProbe(const std::map<std::string, std::string>& properties, const Doorbell& bell)
    : properties_(properties), bell_(bell), thread_([this] { run(); }) {}

MetadataProbe::~MetadataProbe() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void MetadataProbe::request() {
  {
    std::lock_guard lock(mutex_);
    wanted_ = true;
  }
  wake_.notify_one();
}

bool MetadataProbe::take(uint64_t seen, Answer& answer) const {
  std::lock_guard lock(mutex_);
  if (latest_.number <= seen) return false;
  answer = latest_;
  return true;
}

void MetadataProbe::run() {
  ::pthread_setname_np(::pthread_self(), "metadata");
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return wanted_ || ending_; });
    if (ending_) return;
    wanted_ = false;
    const uint64_t number = latest_.number + 1;
    lock.unlock();
    Answer answer = ask();
    answer.number = number;
    lock.lock();
    latest_ = std::move(answer);
    bell_.ring();
  }
}

MetadataProbe::Answer MetadataProbe::ask() {
  Answer answer;
  if (!client_) {
    auto made = Producer::create_to_ask(properties_, watch_);
    if (!made) {
      log::warn("metadata.not_asked reason={}", log::quoted(made.error().message));
      return answer;
    }
    client_ = std::move(*made);
  }
  const struct rd_kafka_metadata* raw = nullptr;
  if (rd_kafka_metadata(client_->handle(), kAllTopics, nullptr, &raw, kAnswerTimeoutMs) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    answer.closing = watch_.closing();
    if (++unanswered_ == kUnansweredOfOne) {
      client_.reset();
      unanswered_ = 0;
    }
    return answer;
  }
  unanswered_ = 0;
  kafka::Metadata metadata(raw);
  answer.brokers = metadata->broker_cnt;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const struct rd_kafka_metadata_topic& topic = metadata->topics[i];
    answer.topics[topic.topic] = topic.err;
  }
  return answer;
}

}  // namespace e2k::worker
