// Shell. A slot's feed and an outlet to librdkafka's mock cluster, turned by hand, over as many generations
// as a test wants.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/ledger_reader.h"
#include "tests/unit/publish/consumed_values.h"
#include "tests/unit/publish/mock_cluster.h"
#include "tests/unit/publish/plain_converters.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/publish/feed.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {

class FeedFixture : public ::testing::Test, protected Outlet::Listener {
protected:
  FeedFixture() : options_(small_spool(folder_.path())) {
    owner_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0));
    make_cluster(1);
    outlet_options_.flow.first_back_off_ns = outlet_options_.first_back_off_ns = 20'000'000;
    outlet_options_.flow.longest_back_off_ns = outlet_options_.longest_back_off_ns = 100'000'000;
  }
  ~FeedFixture() override { end(); }

  void make_cluster(int brokers) {
    mock_ = make_mock_cluster(owner_.get(), brokers);
    outlet_options_.properties = properties_for(mock_);
  }

  // Records wait for others of their topic as soon as two came within 100 ms.
  void await_company() { outlet_options_.gathering = {100 * kNsPerMs, 0, 1, 1'000'000}; }

  // The next generation appends; nobody publishes.
  void begin_appending() {
    end();
    const std::string ledger = folder_.path() + "/ledger";
    folders_ = must(spool::find_slot_folders(folder_.path(), Slot{0}));
    if (std::filesystem::exists(ledger)) {
      auto before = must(ledger::Ledger::open_for_repair(ledger));
      must(spool::recover(folder_.path(), folders_, *before));
    }
    ++generation_;
    options_.generation = Generation{generation_};
    options_.directory = spool::log_folder(folder_.path(), Slot{0}, options_.generation);
    log_ = std::make_unique<LogUnderTest>(folder_.path(), options_);
    log_->intake = std::make_unique<SpoolIntake>(*log_->live, *log_->books, *log_->bell, notices_);
  }
  void begin_publishing() {
    FeedParts parts;
    parts.slot = Slot{0};
    parts.books = log_->books.get();
    for (const auto& each : folders_.logs)
      parts.older.push_back(must(spool::Log::open(folder_.path(), each.path, each.generation.value)));
    spool::AsideLogs::Options aside;
    aside.spool = folder_.path();
    aside.identity = {Slot{0}, options_.generation, spool::read_boot_id()};
    aside.max_bytes = aside_bytes_;
    aside.largest_data_bytes = aside_segment_bytes_;
    parts.aside = must(spool::AsideLogs::open(aside));
    parts.live = log_->live.get();
    parts.intake = log_->intake.get();
    parts.drop_newest = options_.drop_newest;
    composer_ = std::make_unique<Composer>(
        Converters{std::make_unique<NumberEncoder>(), std::make_unique<RawKey>(), nullptr, nullptr},
        StampRules{}, false);
    outlet_ = must(Outlet::create(outlet_options_, log_->books->header(), *log_->bell, *this));
    feed_ = std::make_unique<Feed>(std::move(parts), *outlet_, *composer_);
    feed_->reconcile_if_needed(ledger::LossReason::spool_gone);
  }
  void begin() {
    begin_appending();
    begin_publishing();
  }
  // As a process that dies: what is in flight is forgotten.
  void end() {
    if (outlet_) outlet_->end();
    feed_.reset();
    outlet_.reset();
    log_.reset();
  }

  void turn() {
    const int64_t now_ns = monotonic_now().value;
    feed_->begin_turn(now_ns, real_now().value);
    outlet_->serve_reports(now_ns);
    outlet_->tend(now_ns);
    MetadataProbe::Answer answer;
    if (outlet_->take_answer(answer)) {
      ++answers_;
      feed_->take_answer(answer);
    }
    feed_->tend_topics();
    feed_->follow();
    feed_->release_held(false);
    feed_->tidy();
  }
  [[nodiscard]] bool turn_until(const std::function<bool()>& done, int seconds = 20) {
    const auto give_up = monotonic_now().value + seconds * kNsPerSecond;
    while (!done()) {
      if (monotonic_now().value > give_up) return false;
      turn();
      log_->bell->wait(1);
    }
    return true;
  }
  // Everything is published, and all logs but the live one are gone.
  [[nodiscard]] ::testing::AssertionResult drained() {
    const auto& h = header();
    if (turn_until([&] {
          return ledger::waiting_of(h) == 0 && h.aside_logs.load() == 0 && h.older_logs.load() == 0 &&
                 outlet_->in_flight() == 0;
        }))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "waiting " << ledger::waiting_of(h) << ", logs aside " << h.aside_logs.load() << ", older logs "
           << h.older_logs.load() << ", in flight " << outlet_->in_flight() << ", last error "
           << outlet_->error().text();
  }
  // At the pace at which the keeper makes segments: what came too early for it comes again.
  void append(IntakeEntry& entry, int from, int upto) {
    const auto refused = [&] {
      uint64_t all = 0;
      for (const auto& count : header().lost_unspooled) all += count.load();
      return all;
    };
    const auto give_up = monotonic_now().value + 20 * kNsPerSecond;
    for (int i = from; i < upto;) {
      const uint64_t before = refused();
      log_->intake->event(entry, DoubleEvent(i));
      if (refused() == before) ++i;
      if (refused() != before || i % 500 == 0) turn();
      if (monotonic_now().value > give_up) throw std::runtime_error("the spool takes nothing more");
    }
  }
  void append_without_turning(IntakeEntry& entry, int from, int upto) {
    for (int i = from; i < upto; ++i) log_->intake->event(entry, DoubleEvent(i));
  }

  // Numbers 0 and 1 are published.
  IntakeEntry& open_flowing(uint32_t index, const std::string& topic) {
    IntakeEntry& entry = log_->open(index, topic, "c");
    // The second one is in the main lane.
    for (int i = 0; i < 2; ++i) {
      append(entry, i, i + 1);
      EXPECT_TRUE(drained());
    }
    return entry;
  }

  ledger::Header& header() { return log_->books->header(); }
  ledger::Entry& line(uint32_t index) { return *log_->books->used_line(EntryIndex{index}); }
  ledger::Counts counts(uint32_t index) { return ledger::counts_of(line(index)); }
  uint64_t lost_for(ledger::LossReason reason) {
    return header().lost_spooled[static_cast<size_t>(reason)].load();
  }
  // Of what stood in the log.
  uint64_t lost(uint32_t index) { return line(index).publisher.lost_spooled.load(); }
  ledger::Blocked why(uint32_t index) { return line(index).publisher.blocked.load(); }

  void block(const std::string& topic) {
    rd_kafka_mock_topic_set_error(mock_.get(), topic.c_str(), RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  }
  void mend(const std::string& topic) {
    rd_kafka_mock_topic_set_error(mock_.get(), topic.c_str(), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  // Requests of that kind which came to the broker since rd_kafka_mock_start_request_tracking().
  size_t requests(int16_t kind, int32_t broker) {
    size_t all = 0;
    rd_kafka_mock_request_t** const list = rd_kafka_mock_get_requests(mock_.get(), &all);
    const auto found = std::count_if(list, list + all, [&](rd_kafka_mock_request_t* one) {
      return rd_kafka_mock_request_api_key(one) == kind && rd_kafka_mock_request_id(one) == broker;
    });
    rd_kafka_mock_request_destroy_array(list, all);
    return static_cast<size_t>(found);
  }
  void set_leader(const std::string& topic, int broker) {
    for (int p = 0; p < 4; ++p) rd_kafka_mock_partition_set_leader(mock_.get(), topic.c_str(), p, broker);
  }

  std::vector<std::string> consumed(const std::string& topic) { return consumed_values(mock_.get(), topic); }
  static std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> all;
    for (int i = from; i < to; ++i) all.push_back(std::to_string(i));
    return all;
  }
  std::string older_folder(uint32_t generation) {
    return spool::log_folder(folder_.path(), Slot{0}, Generation{generation});
  }

  void came_back(Topic& topic, const InFlight& what, const FlowOutcome& outcome) override {
    feed_->came_back(topic, what, outcome);
  }
  void why_changed(Topic& topic) override {
    if (feed_) feed_->why_changed(topic);
  }

  TemporaryFolder folder_;
  spool::LiveLogOptions options_;
  OutletOptions outlet_options_;
  uint64_t aside_bytes_ = 1u << 20;
  uint64_t aside_segment_bytes_ = 64u << 10;
  uint32_t generation_ = 0;
  int answers_ = 0;  // of the brokers, on which topics there are
  spool::SlotFolders folders_;
  kafka::Handle owner_;
  MockCluster mock_;
  bool notices_ = false;  // of what the callback lost: most tests count events
  std::unique_ptr<LogUnderTest> log_;
  std::unique_ptr<Composer> composer_;
  std::unique_ptr<Outlet> outlet_;
  std::unique_ptr<Feed> feed_;
};

}  // namespace e2k::worker
