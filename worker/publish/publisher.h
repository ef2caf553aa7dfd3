// Shell. The *publish* thread: takes turns at reading the slot's logs, producing, settling.
//
// It joins an Outlet (the way to Kafka) with one Feed for each slot whose logs are ours to publish: our own,
// and those of slots that no worker serves any more. One thread of its own does everything; the functions of
// Publishing and stop() may be called by any thread. Owned by the data path, which keeps spool, ledgers,
// intake and bell alive longer.
//
// Sleep: wake-ups, not bytes, are what low rates cost. After the logs have been read to their end the thread
// naps (batching.h says for how long), a few times, and serves records and reports together at each waking;
// only then it announces that it sleeps and waits for the bell, which the intake, librdkafka (reports) and
// the probe ring. So an acknowledgement may be seen a nap after it came.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "worker/publish/composer.h"
#include "worker/publish/feed.h"
#include "worker/publish/outlet.h"
#include "worker/publish/publishing.h"
#include "worker/spool/progress.h"

namespace e2k::worker {

struct PublisherOptions {
  OutletOptions outlet;
  StampRules stamps;
  bool stamp_header = false;  // value records carry the IOC's stamp as the header kStampHeader
  bool paused = false;
  std::string held;  // see Publishing::set_held
  int naps_before_sleep = 3;
};

class Publisher final : public Publishing, private Outlet::Listener {
public:
  // `feeds`: our own slot's first. An error names what librdkafka refuses.
  static Result<std::unique_ptr<Publisher>> create(PublisherOptions options, std::vector<FeedParts> feeds,
                                                   Doorbell& bell, Converters converters);
  ~Publisher() override;

  uint64_t waiting() const override;
  uint64_t turns() const override {
    return turns_.load(std::memory_order_relaxed) + spool::progress.load(std::memory_order_relaxed);
  }
  int brokers_up() const override { return brokers_up_.load(std::memory_order_relaxed); }
  std::string last_error() const override { return outlet_->error().text(); }
  std::string schema_problem() const override { return composer_.converters().problem(); }
  void set_paused(bool paused) override;
  void set_held(const std::string& channels) override;
  void set_spool_share(uint64_t bytes) override;

  // Returns once nothing waits that could be published, or the deadline is over, with the thread ended. true:
  // nothing waits in the live log. Nothing may be appended any more.
  bool stop(MonotonicNs deadline);

private:
  Publisher(PublisherOptions options, Doorbell& bell, Converters converters);
  void run();
  // true: a record was produced or a report came.
  bool turn();
  void rest();
  void take_held();
  void take_spool_share();
  bool is_drained() const;
  void drop_finished_feeds();
  Feed& feed_of(const Topic& topic);

  void came_back(Topic& topic, const InFlight& what, const FlowOutcome& outcome) override;
  void why_changed(Topic& topic) override;

  const PublisherOptions options_;
  Doorbell& bell_;
  SpoolIntake* intake_ = nullptr;
  ledger::Header* header_ = nullptr;

  // The *publish* thread's own. Feeds go before the outlet: the outlet's reports need the topics.
  Composer composer_;
  std::vector<std::unique_ptr<Feed>> feeds_;
  std::unique_ptr<Outlet> outlet_;
  int idle_turns_ = 0;
  int64_t turn_began_ns_ = 0;  // monotonic, as is the next one
  int64_t nap_began_ns_ = 0;
  uint64_t produced_before_ = 0;  // that nap
  uint64_t schema_news_seen_ = 0;
  bool more_to_read_ = false;
  bool held_back_ = false;

  std::atomic<uint64_t> turns_{0};
  std::atomic<int> brokers_up_{0};
  std::atomic<bool> drained_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> paused_{false};
  std::atomic<int64_t> stop_deadline_ns_{0};
  std::mutex held_lock_;
  std::string held_bytes_;  // (held_lock_)
  std::atomic<bool> held_changed_{false};
  std::atomic<uint64_t> spool_share_{0};
  std::atomic<bool> spool_share_changed_{false};
  std::thread thread_;
};

}  // namespace e2k::worker
