// Shell. A handle of librdkafka for programs that ask once and end, with what it complained of.
//
// Nothing is written to stderr. Complaints come in two ways: log lines, from librdkafka's own threads, and
// errors, on the thread that polls the handle (rd_kafka_poll or rd_kafka_consumer_poll). No group is left
// when it is destroyed, because none was joined.
#pragma once

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/result.h"
#include "supervisor/commands/topic_admin.h"

namespace e2k::supervisor {

class KafkaConnection {
public:
  using Delivered = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

  // `delivered`: of a producer that writes; else null. An error is a refused property.
  static Result<std::unique_ptr<KafkaConnection>> open(rd_kafka_type_t type,
                                                       const std::map<std::string, std::string>& properties,
                                                       Delivered delivered = nullptr);
  KafkaConnection() = default;
  KafkaConnection(const KafkaConnection&) = delete;
  ~KafkaConnection();

  rd_kafka_t* get() const { return handle_; }
  // librdkafka's last log line of some weight: why brokers do not answer.
  std::string last_words();
  // Its last line about a connection that failed, also one of little weight: of some troubles there is no
  // other word.
  std::string last_failure();
  // The first error; one of TLS or of the login takes the place of an earlier one, because who refuses a
  // client is there. NO_ERROR: none so far. On the polling thread only.
  const KafkaError& first_error() const { return complaints_.first; }
  // Whether all brokers have failed since; they are tried again.
  bool all_down() const { return complaints_.all_down; }

private:
  struct Complaints {
    std::mutex lock;  // of the words
    std::string last_words, last_failure;
    KafkaError first;
    bool all_down = false;
  };
  static void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  static void on_error(rd_kafka_t* handle, int code, const char* text, void* complaints);

  Complaints complaints_;
  rd_kafka_t* handle_ = nullptr;
};

}  // namespace e2k::supervisor
