// Shell. The publisher as the worker's *link* thread sees it.
#pragma once

#include <cstdint>
#include <string>

namespace e2k::worker {

class Publishing {
public:
  virtual ~Publishing() = default;

  // Records of this log that Kafka has not acknowledged and that are not lost. Any thread.
  virtual uint64_t waiting() const = 0;
  // Counts the turns of the *publish* thread's loop; it turns at least every second.
  virtual uint64_t turns() const = 0;
  virtual int brokers_up() const = 0;
  // librdkafka's last error in its own words, "" since it is over: the brokers answer, or the topic it was
  // about flows. Any thread.
  virtual std::string last_error() const = 0;
  // Why the ids of schemas are missing (worker/schema_ids.h); "" when nothing is amiss. Any thread.
  virtual std::string schema_problem() const = 0;
  // While paused nothing is handed to Kafka; what is in flight is still settled. Any thread.
  virtual void set_paused(bool paused) = 0;
  // The channels whose events wait, and no others from now on: see
  // proto/held_channels.h. Any thread.
  virtual void set_held(const std::string& channels) = 0;
  // What the files of all logs of the slot may take from now on, in bytes. Any thread.
  virtual void set_spool_share(uint64_t bytes) = 0;
};

}  // namespace e2k::worker
