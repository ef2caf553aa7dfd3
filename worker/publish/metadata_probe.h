// Shell. Asks the brokers what they know of this producer's topics, on a thread of its own: the question
// blocks, and the publisher must not.
//
// request() may be called at any time; requests that come while one is being answered are answered together
// after it. An answer rings the bell given at construction and stays until the next one. The probe ends
// before the producer that it asks through.
#pragma once

#include <librdkafka/rdkafka.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "worker/spool/doorbell.h"

namespace e2k::worker {

class MetadataProbe {
public:
  struct Answer {
    uint64_t number = 0;  // counted from 1; 0: none yet
    int brokers = 0;      // 0: nobody answered
    std::map<std::string, rd_kafka_resp_err_t, std::less<>> topics;
  };

  MetadataProbe(rd_kafka_t* producer, const Doorbell& bell);
  ~MetadataProbe();

  void request();
  // The latest answer if it is newer than `seen`.
  bool take(uint64_t seen, Answer& answer) const;

private:
  void run();
  Answer ask() const;

  rd_kafka_t* const producer_;
  const Doorbell& bell_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;
  bool ending_ = false;
  Answer latest_;
  std::thread thread_;
};

}  // namespace e2k::worker
