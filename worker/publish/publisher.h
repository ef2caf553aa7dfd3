// Shell. The *publish* thread: follows the log, encodes, produces, settles.
//
// One thread of its own does everything; the functions of Publishing and stop() may be called by any thread.
// Owned by the data path, which keeps spool, ledger, intake and bell alive longer.
//
// Order: records of one topic are handed to librdkafka in the order of the log; see topic_flow.h for what
// happens to a topic that can't take any. In flight is bounded, in total and for each topic, in records and
// in bytes, so that topics without a leader can't take the place of all the others: a topic has a quarter of
// the window as long as reports come for it, a sixteenth of that else, and in the last quarter of the window
// each has only a sixteenth of what it had.
//
// Sleep: wake-ups, not bytes, are what low rates cost. After the log has been read to its end the thread naps
// for a fixed time (batching.h), a few times, and serves records and reports together at each waking; only
// then it announces that it sleeps and waits for the bell, which the intake, librdkafka (reports) and the
// probe ring. So an acknowledgement may be seen a nap after it came.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "worker/publish/converters.h"
#include "worker/publish/metadata_probe.h"
#include "worker/publish/producer.h"
#include "worker/publish/publishing.h"
#include "worker/publish/record_stamp.h"
#include "worker/publish/settler.h"
#include "worker/publish/text_store.h"
#include "worker/publish/topic_flow.h"
#include "worker/spool/intake.h"

namespace e2k::worker {

struct PublisherOptions {
  std::map<std::string, std::string> properties;  // librdkafka's
  StampRules stamps;
  bool paused = false;
  bool stamp_header = false;  // value records carry the IOC's stamp as the header kStampHeader
  std::string topic_prefix;

  // Tunables, with the values that measuring led to.
  uint64_t window = 65'536;  // records in flight
  uint64_t window_bytes = 64u << 20;
  uint64_t topic_window = 16'384;
  int naps_before_sleep = 3;
  int64_t first_back_off_ns = 500'000'000;
  int64_t longest_back_off_ns = 10'000'000'000;
  // Of a topic that the broker refuses; it begins with ten times the first back-off.
  int64_t longest_refusal_ns = 60'000'000'000;
};

class Publisher final : public Publishing {
public:
  static Result<std::unique_ptr<Publisher>> create(PublisherOptions options, spool::Spool& spool,
                                                   ledger::Ledger& books, SpoolIntake& intake, Doorbell& bell,
                                                   Converters converters);
  ~Publisher() override;

  uint64_t waiting() const override;
  uint64_t turns() const override { return turns_.load(std::memory_order_relaxed); }
  int brokers_up() const override { return brokers_up_.load(std::memory_order_relaxed); }
  std::string last_error() const override;
  std::string schema_problem() const override { return converters_.problem(); }
  void set_paused(bool paused) override;

  // Returns once nothing waits or the deadline is over, with the thread ended. true: nothing waits. Nothing
  // may be appended any more.
  bool stop(MonotonicNs deadline);

private:
  enum class Offer { taken, parked, try_later };

  Publisher(PublisherOptions options, spool::Spool& spool, ledger::Ledger& books, SpoolIntake& intake,
            Doorbell& bell, Converters converters);
  Result<void> make_producer();
  void run();
  bool turn();
  void rest();

  // publisher.cpp: reading and producing
  bool follow_log();
  bool replay(TopicFlow& topic);
  Offer offer(const spool::RecordView& record, OutputEntry& entry);
  Offer produce(const spool::RecordView& record, OutputEntry& entry, int64_t stamp_ns);
  RecordStamp stamp_of(const spool::RecordView& record) const;
  void count_restamped(uint32_t index);
  bool encode(const spool::RecordView& record, const OutputEntry& entry, int64_t stamp_ns);
  bool encode_key(OutputEntry& entry);
  void describe(const spool::RecordView& record);
  OutputEntry* entry_of(uint32_t index);
  TopicFlow& topic_of(std::string_view name);
  bool window_open() const;
  // Whether no more than 1/`part` of the topic's share is in flight.
  bool has_room(const TopicFlow& topic, uint64_t part = 1) const;
  // Where the hindmost reader stands: the cursor's limit.
  spool::Position readers_at() const;
  void log_is_damaged(spool::Position at);

  // reports.cpp: what librdkafka tells
  void serve_reports();
  void take_report(const rd_kafka_message_t& message, int64_t real_ns, int64_t monotonic_ns);
  void take_failure(TopicFlow& topic, spool::Position position, rd_kafka_resp_err_t error);
  void take_error(rd_kafka_resp_err_t error, const char* text);
  // `topic`: whose error it is, nullptr for no one's in particular.
  void set_last_error(std::string text, const TopicFlow* topic = nullptr);
  void forget_error(const TopicFlow* topic);

  // parking.cpp: topics and producers that can't
  void learn_schemas(TopicFlow& topic);
  void take_schema_news();
  void park(TopicFlow& topic, spool::Position from, ledger::Blocked why, bool wait);
  void set_blocked(TopicFlow& topic, ledger::Blocked why);
  bool tend_parked();
  bool may_replay(TopicFlow& topic, int64_t now_ns);
  void take_probe_answer();
  void renew_producer();
  void read_anew(TopicFlow& topic);
  void reopen(TopicFlow& topic);

  // Its windows are made smaller where the site's producer queues less.
  PublisherOptions options_;
  spool::Spool& spool_;
  ledger::Ledger& books_;
  ledger::Header& header_;
  SpoolIntake& intake_;
  Doorbell& bell_;
  const Converters converters_;

  // The *publish* thread's own.
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<MetadataProbe> probe_;
  Settler settler_;
  LogFollower main_;
  TextStore texts_;
  std::vector<OutputEntry> entries_;                                       // by index
  std::vector<OutputNames> names_;                                         // likewise, where they are wanted
  std::map<std::string, std::unique_ptr<TopicFlow>, std::less<>> topics_;  // by name; never erased
  size_t topics_not_open_ = 0;
  uint64_t in_flight_ = 0;
  uint64_t in_flight_bytes_ = 0;
  Buffer buffer_;
  int64_t nap_ns_ = 0;
  int idle_turns_ = 0;
  uint64_t probe_seen_ = 0;
  uint64_t schema_news_seen_ = 0;
  bool producer_is_dead_ = false;
  bool damaged_ = false;
  bool more_to_read_ = false;
  bool held_back_ = false;  // this turn stopped at a record that can't be produced yet
  int64_t probe_at_ns_ = 0;
  int64_t renew_at_ns_ = 0;
  int64_t renew_back_off_ns_ = 0;
  int64_t renewed_at_ns_ = 0;
  int64_t turn_ns_ = 0;  // monotonic; when this turn began

  std::atomic<uint64_t> turns_{0};
  std::atomic<int> brokers_up_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> paused_{false};
  std::atomic<int64_t> stop_deadline_ns_{0};
  const TopicFlow* error_of_ = nullptr;  // the *publish* thread's
  bool has_error_ = false;               // likewise
  mutable std::mutex error_mutex_;
  std::string last_error_;
  std::thread thread_;
};

}  // namespace e2k::worker
