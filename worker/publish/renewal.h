// Shell. How far one lane is with the making of a new producer, and what of it is done on threads of its own:
// librdkafka takes its time to begin a producer (it may have certificates to read) and to end one (its
// threads look up names, and a question to brokers may be under way), and the publisher has other topics to
// serve.
//
// A producer's successor produces only when the sockets of the former one are closed: what is left in them
// must not arrive after it. Used by the publisher's thread; rings the bell when something is done. Its end
// waits for what is under way.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "common/result.h"
#include "worker/publish/metadata_probe.h"
#include "worker/publish/producer.h"

namespace e2k::worker {

// One piece of work at a time, on a thread of its own.
class Elsewhere {
public:
  ~Elsewhere() { wait(); }
  // Where no thread can be had it is done here.
  void start(std::function<void()> work, const Doorbell& bell);
  bool is_done() const { return done_.load(std::memory_order_acquire); }
  void wait();

private:
  std::atomic<bool> done_{true};
  std::thread thread_;
};

class Renewal {
public:
  using Made = Result<std::unique_ptr<Producer>>;

  enum class Step : uint8_t {
    none,
    unsent,   // what had not been sent comes back, answers to the rest may come
    sent,     // that comes back, too
    closing,  // the former producer's end
  };
  Step step = Step::none;
  int64_t began_at_ns = 0;  // monotonic
  int64_t until_ns = 0;     // the longest that a step which waits for reports may take

  void make(std::function<Made()> how, const Doorbell& bell);
  bool is_asked_for() const { return asked_; }
  bool is_made() const { return asked_ && making_.is_done(); }
  // What was made, once it is.
  const Made& made() const { return *made_; }
  Made take();

  // `probe` asks through `producer`.
  void close(std::unique_ptr<MetadataProbe> probe, std::unique_ptr<Producer> producer, const Doorbell& bell);
  bool is_closed() const { return closing_.is_done(); }
  // Waits for what is under way, and lets go of it.
  void end();

private:
  bool asked_ = false;
  std::optional<Made> made_;
  std::unique_ptr<MetadataProbe> probe_;
  std::unique_ptr<Producer> former_;
  Elsewhere making_, closing_;  // ends before what it works on does
};

}  // namespace e2k::worker
