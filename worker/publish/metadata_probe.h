// Shell. Asks the brokers which topics there are, on a thread and through a handle of its own: the question
// blocks, and the publisher must not; and its answer costs librdkafka the product of the topics that it names
// and those that the handle knows, which here are none.
//
// The handle is made for the first question. A topic that may not be described is in no answer.
//
// request() may be called at any time; requests that come while one is being answered are answered together
// after it. An answer rings the bell given at construction and stays until the next one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "worker/publish/producer.h"
#include "worker/spool/doorbell.h"

namespace e2k::worker {

class MetadataProbe {
public:
  struct Answer {
    uint64_t number = 0;  // counted from 1; 0: none yet
    int brokers = 0;      // 0: nobody answered
    std::string closing;  // where nobody did: BrokerWatch::closing
    std::map<std::string, rd_kafka_resp_err_t, std::less<>> topics;
  };

  // `properties`: a producer's, which live longer.
  MetadataProbe(const std::map<std::string, std::string>& properties, const Doorbell& bell);
  ~MetadataProbe();

  void request();
  // The latest answer if it is newer than `seen`.
  bool take(uint64_t seen, Answer& answer) const;

private:
  void run();
  Answer ask();

  const std::map<std::string, std::string>& properties_;
  kafka::BrokerWatch watch_;
  std::unique_ptr<Producer> client_;  // the thread's own, as is:
  int unanswered_ = 0;                // in succession, by this client
  const Doorbell& bell_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;
  bool ending_ = false;
  Answer latest_;
  std::thread thread_;
};

}  // namespace e2k::worker
