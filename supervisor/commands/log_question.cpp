#include "supervisor/commands/log_question.h"

#include "common/log.h"
#include "supervisor/commands/topic_look.h"

namespace e2k::supervisor {

KafkaResult<std::string> LogQuestion::id(rd_kafka_t* consumer, std::chrono::milliseconds timeout) {
  if (monotonic_now() >= rests_until_) {
    const auto id = over_its_own();
    if (id || is_missing(id.error().code) || is_refused(id.error().code)) return id;
    own_.reset();
    rests_until_ = MonotonicNs{monotonic_now().value + kRestNs};
    log::info("commands.asked_over_the_consumers_connection reason={}", log::quoted(id.error().message));
  }
  return TopicAdmin(consumer, topic_, timeout).id();
}

KafkaResult<std::string> LogQuestion::over_its_own() {
  if (!own_) {
    auto made = connect_();
    if (!made) return tl::unexpected(KafkaError{RD_KAFKA_RESP_ERR__FAIL, made.error().message});
    own_ = std::move(*made);
  }
  asked_at_ = monotonic_now();
  auto id = TopicAdmin(own_->get(), topic_, kOwnTimeout).id();
  while (own_->poll()) {
    // What it complains of; it would be kept for as long as the connection is.
  }
  return id;
}

void LogQuestion::end_if_unused() {
  if (own_ && monotonic_now().value - asked_at_.value > kKeepNs) own_.reset();
}

}  // namespace e2k::supervisor
