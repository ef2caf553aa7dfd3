// Shell. Remembers of one handle why its brokers can't be used, until one of them answers.
//
// It hears librdkafka's errors and log lines, which its owner passes on, and the states of the connections,
// for which it hangs itself into the handle's configuration. Complaints come seldom (a repeated one is told
// once in half a minute), so that the last one that names a cause stands until an answer ends it. Where
// none does, an open connection means a broker that is silent, none a broker that is down.
//
// All calls from any thread. It outlives the handle.
#pragma once

#include <librdkafka/rdkafka.h>

#include <mutex>
#include <string>
#include <string_view>

#include "common/kafka/abandonment.h"
#include "common/kafka/closings.h"
#include "common/kafka/error_kind.h"

namespace e2k::kafka {

class BrokerWatch {
public:
  BrokerWatch() = default;
  BrokerWatch(const BrokerWatch&) = delete;

  // Before the handle is made of it.
  void hang_into(rd_kafka_conf_t* conf);
  void heard(rd_kafka_resp_err_t code, std::string_view text);
  // Only those about connections count.
  void heard_log(std::string_view facility, std::string_view text);
  void answered();
  // Why nobody answers; of interest to who knows that nobody does.
  Trouble trouble() const;
  // The same, from the states of the connections alone and told only when it is sure: who listens wants TLS
  // and is asked in plain text. In librdkafka's words, "" else.
  std::string closing() const;
  // Only another handle helps. `wanted`: something waits for its brokers.
  bool is_abandoned(bool wanted);

private:
  static rd_kafka_resp_err_t on_new(rd_kafka_t* handle, const rd_kafka_conf_t* conf, void* self, char* reason,
                                    size_t reason_size);
  static rd_kafka_resp_err_t on_state(rd_kafka_t* handle, int32_t broker, const char* protocol,
                                      const char* name, int port, const char* state, void* self);

  mutable std::mutex lock_;
  LastComplaint complaint_;
  Closings closings_;
  Abandonment abandonment_;
};

}  // namespace e2k::kafka
