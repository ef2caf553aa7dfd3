// Shell. One librdkafka producer with the properties that this program owns, and its queue of reports.
//
// Owned, hence set last: idempotence with acks=all, no message time-out (a record waits as long as it takes;
// the spool holds the rest), and, in the main lane, the gapless guarantee (no later record of a partition may
// pass a failed one; a refusal ends the producer). The careful lane is for topics that are on trial: batches
// of one, one request at a time, so that a refusal says of one record what it says, and costs nobody else
// anything. What only has a better default for us is set first and can be overridden. Of linger.ms librdkafka
// gets what the publisher's nap leaves of it (batching.h).
//
// A producer is replaced as a whole after a fatal error. Its reports and errors are polled by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/kafka/broker_watch.h"
#include "common/kafka/conf.h"
#include "common/kafka/login.h"
#include "common/result.h"
#include "worker/line_budget.h"
#include "worker/publish/topic_flow.h"

namespace e2k::worker {

class Producer {
public:
  // `wake_fd`: an eventfd that is rung when reports begin to wait. Asks for the producer's id at once.
  static Result<std::unique_ptr<Producer>> create(const std::map<std::string, std::string>& properties,
                                                  int wake_fd, Lane lane = Lane::main);
  // One that produces nothing and only asks: librdkafka goes through all topics that a handle knows for each
  // one that an answer names. `watch` is hung into it and outlives it.
  static Result<std::unique_ptr<Producer>> create_to_ask(const std::map<std::string, std::string>& properties,
                                                         kafka::BrokerWatch& watch);
  // Whether librdkafka takes these properties: where it does not, no later try helps.
  static Result<void> judge(const std::map<std::string, std::string>& properties);
  ~Producer();

  rd_kafka_t* handle() const { return handle_.get(); }
  rd_kafka_queue_t* reports() const { return reports_.get(); }
  kafka::LoginFiles& login() { return login_; }
  // Not of one that was made to ask.
  kafka::BrokerWatch& watch() { return watch_; }
  // What the publisher is to nap, for the linger.ms that was configured.
  int64_t nap_ns() const { return nap_ns_; }
  // How long records may wait for others of their topic, where there are many topics.
  int64_t longest_hold_ns() const { return longest_hold_ns_; }
  // What it queues at the most, as configured.
  uint64_t queue_messages() const { return queue_messages_; }
  uint64_t queue_bytes() const { return queue_bytes_; }
  // Throws away what is queued, or also what is in flight; a report comes back for each.
  enum class Purge { queued, everything };
  void purge(Purge what);

private:
  Producer() = default;
  Result<void> start(kafka::Conf conf, kafka::BrokerWatch& watch);
  static int open_socket(int domain, int type, int protocol, void* self);
  static void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  bool admit_line();
  kafka::LoginFiles login_;  // this and the next ones outlive the handle
  kafka::BrokerWatch watch_;
  std::mutex lines_lock_;
  LineBudget lines_{"librdkafka", 2};  // a handle's; an outage makes each of them complain
  // The queue lets go before the handle does.
  kafka::Handle handle_;
  kafka::Queue reports_;
  int64_t nap_ns_ = 0;
  int64_t longest_hold_ns_ = 0;
  uint64_t queue_messages_ = UINT64_MAX;
  uint64_t queue_bytes_ = UINT64_MAX;
};

}  // namespace e2k::worker
