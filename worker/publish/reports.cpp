#include <algorithm>

#include "common/log.h"
#include "worker/publish/publisher.h"

namespace e2k::worker {
namespace {

// The producer as a whole is of no use any more.
bool ends_the_producer(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE ||
         error == RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER ||
         error == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH || error == RD_KAFKA_RESP_ERR__FENCED;
}

// The broker refuses what is in the record, or in another record of its batch.
bool refuses_the_record(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
         error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP || error == RD_KAFKA_RESP_ERR_INVALID_MSG ||
         error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

// The broker's answer for the topic, as against those for the producer. (librdkafka's own codes are
// negative.)
bool refuses_the_topic(rd_kafka_resp_err_t error) {
  return error > RD_KAFKA_RESP_ERR_NO_ERROR && !ends_the_producer(error) && !refuses_the_record(error) &&
         error != RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER &&
         error != RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID && error != RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
}

ledger::Blocked blocked_by(rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
      error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
    return ledger::Blocked::not_authorised;
  if (error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
      error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
    return ledger::Blocked::no_topic;
  return ledger::Blocked::no_leader;
}

}  // namespace

void Publisher::serve_reports() {
  const int64_t real_ns = real_now().value;
  const int64_t monotonic_ns = monotonic_now().value;
  while (kafka::Event event{rd_kafka_queue_poll(producer_->reports(), 0)}) {
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR:
        while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get()))
          take_report(*message, real_ns, monotonic_ns);
        break;
      case RD_KAFKA_EVENT_ERROR:
        take_error(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
        break;
      default:  // librdkafka's numbers are no enum
        break;
    }
  }
}

void Publisher::take_report(const rd_kafka_message_t& message, int64_t real_ns, int64_t monotonic_ns) {
  const spool::Position position{reinterpret_cast<uint64_t>(message._private)};
  --in_flight_;
  in_flight_bytes_ -= message.len + message.key_len;
  const StandingRecord record = settler_.find(position);
  OutputEntry* entry = record ? entry_of(record.header->index) : nullptr;
  if (entry == nullptr) return;
  TopicFlow& topic = *entry->topic;
  --topic.in_flight;
  topic.in_flight_bytes -= message.len + message.key_len;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    take_failure(topic, position, message.err);
    return;
  }
  settler_.acknowledge(record, message.partition, message.offset, real_ns, monotonic_ns);
  topic.acknowledged_at_ns = monotonic_ns;
  forget_error(&topic);
  topic.back_off_ns = 0;
  topic.refused = ledger::Blocked::no;
  // Not after the first acknowledgement: other topics' come also between the failures that one topic causes.
  if (monotonic_ns - renewed_at_ns_ > 2 * options_.longest_back_off_ns)
    renew_back_off_ns_ = options_.first_back_off_ns;
  if (brokers_up_.load(std::memory_order_relaxed) == 0) {
    brokers_up_.store(1, std::memory_order_relaxed);
    log::info("brokers_up");
    probe_->request();
  }
}

void Publisher::take_failure(TopicFlow& topic, spool::Position position, rd_kafka_resp_err_t error) {
  // Purged by ourselves: it stays unsettled, and will be read again.
  if (error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) return;
  auto& failures = header_.delivery_failures;
  failures.store(failures.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (refuses_the_record(error)) {
    // Only who was sent alone is known to be the one that is refused.
    const bool alone = position <= topic.alone_upto && topic.flow == Flow::replaying && topic.in_flight == 0;
    if (alone) {
      settler_.lose(position, ledger::LossReason::refused_by_broker);
    } else {
      topic.alone_upto = std::max(topic.alone_upto, position);
    }
  }
  char text[512] = {};
  const bool fatal =
      rd_kafka_fatal_error(producer_->handle(), text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR;
  if (fatal || ends_the_producer(error)) {
    // The gapless guarantee ends the producer for one topic's sake: its successor leaves that topic alone.
    take_error(RD_KAFKA_RESP_ERR__FATAL, fatal ? text : rd_kafka_err2str(error));
    if (refuses_the_record(error)) {
      // Nothing is amiss with broker or topic: the next producer comes soon.
      renew_back_off_ns_ = options_.first_back_off_ns;
      renew_at_ns_ = std::min(renew_at_ns_, monotonic_now().value + options_.first_back_off_ns);
    }
    if (refuses_the_topic(error)) {
      topic.refused = blocked_by(error);
      set_last_error("topic " + topic.name + ": " + rd_kafka_err2str(error), &topic);
    }
    return;
  }
  if (settler_.is_settled(position)) return;
  if (topic.flow == Flow::open || topic.flow == Flow::replaying || topic.why == ledger::Blocked::window_full)
    set_last_error("topic " + topic.name + ": " + rd_kafka_err2str(error), &topic);
  park(topic, position, blocked_by(error), true);
}

void Publisher::take_error(rd_kafka_resp_err_t error, const char* text) {
  set_last_error(text != nullptr && *text != 0 ? text : rd_kafka_err2str(error));
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && brokers_up_.exchange(0) != 0)
    log::warn("brokers_down reason={}", log::quoted(last_error()));
  if (!ends_the_producer(error) || producer_is_dead_) return;
  producer_is_dead_ = true;
  renew_at_ns_ = monotonic_now().value + renew_back_off_ns_;
  renew_back_off_ns_ = std::min(renew_back_off_ns_ * 2, options_.longest_back_off_ns);
  log::error("producer_failed reason={}", log::quoted(last_error()));
}

void Publisher::set_last_error(std::string text, const TopicFlow* topic) {
  has_error_ = !text.empty();
  error_of_ = topic;
  std::lock_guard lock(error_mutex_);
  last_error_ = std::move(text);
}

// What was said of no topic is over with any topic's success, what was said of a topic with its own. Damage
// of the spool stays.
void Publisher::forget_error(const TopicFlow* topic) {
  if (!has_error_ || damaged_ || (error_of_ != nullptr && error_of_ != topic)) return;
  set_last_error("");
}

}  // namespace e2k::worker
