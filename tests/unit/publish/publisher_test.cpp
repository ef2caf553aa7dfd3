// The publisher against librdkafka's mock cluster, which is here for what a real broker can't be told to do.
#include "worker/publish/publisher.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "proto/ledger_reader.h"
#include "tests/unit/publish/consumed_values.h"
#include "tests/unit/publish/mock_cluster.h"
#include "tests/unit/publish/plain_converters.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

// A registry that knows what it is told, when it is told.
class ToldIds : public SchemaIds {
public:
  explicit ToldIds(const Doorbell& bell) : bell_(bell) {}
  std::optional<int32_t> id_for(const std::string& topic) override {
    std::lock_guard lock(mutex_);
    const auto found = ids_.find(topic);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  uint64_t news() const override { return news_.load(); }
  std::string problem() const override { return news() == 0 ? "the registry is away" : ""; }
  void tell(const std::string& topic, int32_t id) {
    {
      std::lock_guard lock(mutex_);
      ids_[topic] = id;
    }
    ++news_;
    bell_.ring();
  }

private:
  const Doorbell& bell_;
  std::mutex mutex_;
  std::map<std::string, int32_t> ids_;
  std::atomic<uint64_t> news_{0};
};

class PublisherTest : public ::testing::Test {
protected:
  PublisherTest() : log_(folder_.path()) {
    owner_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0));
    mock_ = make_mock_cluster(owner_.get(), 1);
    options_.outlet.properties = properties_for(mock_);
    options_.outlet.flow.first_back_off_ns = options_.outlet.first_back_off_ns = 50'000'000;
    options_.outlet.flow.longest_back_off_ns = options_.outlet.longest_back_off_ns = 200'000'000;
  }
  ~PublisherTest() override { publisher_.reset(); }

  void start(std::unique_ptr<ValueEncoder> encoder = std::make_unique<NumberEncoder>()) {
    publisher_ =
        must(Publisher::create(options_, feeds(), *log_.bell,
                               Converters{std::move(encoder), std::make_unique<RawKey>(), nullptr, nullptr}));
  }
  std::vector<FeedParts> feeds() {
    FeedParts own;
    own.books = log_.books.get();
    own.live = log_.live.get();
    own.intake = log_.intake.get();
    spool::AsideLogs::Options aside;
    aside.spool = folder_.path();
    aside.max_bytes = aside_bytes_;
    own.aside = must(spool::AsideLogs::open(aside));
    own.min_interval_ns = min_interval_ns_;
    own.flight = &log_.books->header().flight[static_cast<size_t>(ledger::Thread::publish)];
    std::vector<FeedParts> all;
    all.push_back(std::move(own));
    return all;
  }
  // The value's ids, and the key's; the publisher owns them.
  std::pair<ToldIds*, ToldIds*> start_with_ids() {
    auto value_ids = std::make_unique<ToldIds>(*log_.bell), key_ids = std::make_unique<ToldIds>(*log_.bell);
    const std::pair told{value_ids.get(), key_ids.get()};
    publisher_ =
        must(Publisher::create(options_, feeds(), *log_.bell,
                               Converters{std::make_unique<NumberEncoder>(), std::make_unique<RawKey>(),
                                          std::move(value_ids), std::move(key_ids)}));
    return told;
  }
  static bool eventually(const std::function<bool()>& done, int seconds = 30) {
    const auto give_up = monotonic_now().value + seconds * kNsPerSecond;
    while (!done()) {
      if (monotonic_now().value > give_up) return false;
      std::this_thread::yield();
    }
    return true;
  }
  std::pair<int64_t, int64_t> stamps_of_a_value_ahead_and_an_error() {
    IntakeEntry& e = log_.open(0);
    const DoubleEvent one(1);  // holds the value
    CaEvent event = one;
    event.stamp_seconds = seconds_since_1990() + 300;
    log_.intake->event(e, event);
    log_.intake->error(e, "Disconnected", ledger::Thread::ca_callback);
    EXPECT_TRUE(drained());
    const auto records = consumed_records("t");
    EXPECT_EQ(records.size(), 2u);
    return {records.front().stamp_ms, records.back().stamp_ms};
  }
  static uint32_t seconds_since_1990() {
    return static_cast<uint32_t>(real_now().value / kNsPerSecond - kEpicsEpochUnixSeconds);
  }
  // The thread's turns in a fifth of a second, without a broker's help.
  uint64_t turns_meanwhile() {
    const uint64_t before = publisher_->turns();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return publisher_->turns() - before;
  }
  bool drained() {
    return eventually([this] { return ledger::waiting_of(log_.books->header()) == 0; });
  }
  ledger::Entry& line(uint32_t index) { return *log_.books->used_line(EntryIndex{index}); }
  ledger::Counts counts(uint32_t index) { return ledger::counts_of(line(index)); }

  struct ConsumedRecord {
    std::string value;
    int64_t stamp_ms = 0;
    std::map<std::string, std::string> headers;
  };
  static std::map<std::string, std::string> headers_of(const rd_kafka_message_t& m) {
    std::map<std::string, std::string> all;
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return all;
    const char* name = nullptr;
    const void* value = nullptr;
    size_t bytes = 0;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &bytes) == 0; ++i)
      all[name] = std::string(static_cast<const char*>(value), bytes);
    return all;
  }
  std::vector<std::string> consumed(const std::string& topic) { return consumed_values(mock_.get(), topic); }
  std::vector<ConsumedRecord> consumed_records(const std::string& topic) {
    std::vector<ConsumedRecord> records;
    for_each_consumed(mock_.get(), topic, [&](const rd_kafka_message_t& m) {
      records.push_back({value_of(m), rd_kafka_message_timestamp(&m, nullptr), headers_of(m)});
    });
    return records;
  }
  static std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> all;
    for (int i = from; i < to; ++i) all.push_back(std::to_string(i));
    return all;
  }

  TemporaryFolder folder_;
  LogUnderTest log_;
  kafka::Handle owner_;
  MockCluster mock_;
  PublisherOptions options_;
  uint64_t aside_bytes_ = 1u << 20;
  int64_t min_interval_ns_ = 0;
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublisherTest, events_arrive_in_order_and_are_acknowledged) {
  start();
  IntakeEntry& e = log_.open(0, "t1", "c1");
  for (int i = 0; i < 500; ++i) log_.intake->event(e, DoubleEvent(i));
  ASSERT_TRUE(drained()) << publisher_->last_error();
  EXPECT_EQ(counts(0).acknowledged, 500u);
  EXPECT_EQ(consumed("t1"), numbers(0, 500));
  EXPECT_GE(line(0).publisher.last_offset.load(), 499);
  EXPECT_GE(line(0).publisher.last_partition.load(), 0);
  EXPECT_EQ(log_.books->header().acknowledged.load(), 500u);
  EXPECT_TRUE(publisher_->stop(MonotonicNs{monotonic_now().value + kNsPerSecond}));
  EXPECT_EQ(log_.books->header().oldest_waiting_arrival_real_ns.load(), 0);
}

TEST_F(PublisherTest, event_that_comes_while_it_sleeps_is_published_at_once) {
  start();
  IntakeEntry& e = log_.open(0);
  for (int i = 0; i < 5; ++i) {
    log_.intake->event(e, DoubleEvent(i));
    ASSERT_TRUE(drained());
    // Deep asleep: the turns stand still for a while.
    uint64_t turns = publisher_->turns();
    ASSERT_TRUE(eventually([&] {
      const uint64_t now = publisher_->turns();
      const bool still = now == turns;
      turns = now;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return still;
    }));
  }
  EXPECT_EQ(counts(0).acknowledged, 5u);
}

TEST_F(PublisherTest, event_that_the_converter_cannot_express_is_lost_alone) {
  start();
  IntakeEntry& e = log_.open(0);
  log_.intake->event(e, DoubleEvent(1));
  log_.intake->event(e, DoubleEvent(-1));
  log_.intake->event(e, DoubleEvent(2));
  ASSERT_TRUE(drained());
  EXPECT_EQ(counts(0).acknowledged, 2u);
  EXPECT_EQ(counts(0).lost, 1u);
  EXPECT_EQ(line(0).publisher.last_loss.load(), static_cast<uint8_t>(ledger::LossReason::encoding_failed));
  EXPECT_EQ(consumed("t"), (std::vector<std::string>{"1", "Lost 1 events", "2"}));
}

TEST_F(PublisherTest, stamps_that_are_zero_or_far_from_now_get_the_time_of_arrival) {
  options_.stamps.max_past_s = 86'400;
  start();
  IntakeEntry& e = log_.open(0);
  DoubleEvent d(1);
  CaEvent event = d;
  event.stamp_seconds = 0;
  event.stamp_nanoseconds = 0;
  log_.intake->event(e, event);
  for (const uint32_t seconds : {0xf0000000u, 600u, seconds_since_1990() - 100'000}) {
    event.stamp_seconds = seconds;
    log_.intake->event(e, event);
  }
  event.stamp_seconds = seconds_since_1990() - 80'000;
  log_.intake->event(e, event);
  ASSERT_TRUE(drained());
  EXPECT_EQ(line(0).publisher.restamped.load(), 4u);
  const auto records = consumed_records("t");
  ASSERT_EQ(records.size(), 5u);
  const auto age_ms = [&](size_t i) { return real_now().value / kNsPerMs - records[i].stamp_ms; };
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_LT(age_ms(i), 60'000) << i;
    EXPECT_GE(age_ms(i), 0) << i;
  }
  EXPECT_EQ(records[4].stamp_ms, (int64_t{event.stamp_seconds} + kEpicsEpochUnixSeconds) * 1000);
}

TEST_F(PublisherTest, records_have_no_headers_unless_asked_for) {
  start();
  log_.intake->event(log_.open(0), DoubleEvent(1));
  ASSERT_TRUE(drained());
  const auto records = consumed_records("t");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_TRUE(records[0].headers.empty());
}

TEST_F(PublisherTest, header_tells_the_iocs_stamp_also_where_the_record_has_another) {
  options_.stamp_header = true;
  options_.stamps.max_past_s = 1;
  start();
  IntakeEntry& e = log_.open(0);
  const DoubleEvent one(1);  // holds the value
  CaEvent event = one;
  log_.intake->event(e, event);
  log_.intake->error(e, "Disconnected", ledger::Thread::ca_callback);
  event.stamp_seconds = event.stamp_nanoseconds = 0;
  log_.intake->event(e, event);
  ASSERT_TRUE(drained());
  const auto records = consumed_records("t");
  ASSERT_EQ(records.size(), 3u);
  const std::map<std::string, std::string> expected = {{"epics_stamp_ns", "1631152000000000005"}};
  EXPECT_EQ(records[0].headers, expected);
  EXPECT_GT(records[0].stamp_ms, 1'700'000'000'000) << "it is too old";
  EXPECT_TRUE(records[1].headers.empty()) << "an error has no stamp of an IOC";
  EXPECT_TRUE(records[2].headers.empty()) << "never processed";
}

TEST_F(PublisherTest, nanoseconds_that_are_none_change_no_second_of_stamp_header_or_value) {
  options_.stamp_header = true;
  start(must(make_value_encoder("json", "org.jlab.epics.ca.value", {})));
  const DoubleEvent one(1);  // holds the value
  CaEvent event = one;
  event.stamp_nanoseconds = UINT32_MAX;
  log_.intake->event(log_.open(0), event);
  ASSERT_TRUE(drained());
  const auto records = consumed_records("t");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].stamp_ms, 1'631'152'000'999);
  EXPECT_EQ(records[0].headers.at("epics_stamp_ns"), "1631152000999999999");
  EXPECT_NE(records[0].value.find("\"timestamp\":1631152000,"), std::string::npos) << records[0].value;
}

TEST_F(PublisherTest, error_has_the_time_of_arrival_also_after_a_value_that_is_ahead) {
  start();
  const auto [value_ms, error_ms] = stamps_of_a_value_ahead_and_an_error();
  EXPECT_LT(error_ms, value_ms - 200'000);
}

TEST_F(PublisherTest, error_is_with_connection_events_no_earlier_than_the_value_before_it) {
  options_.stamps.connection_events = true;
  start();
  const auto [value_ms, error_ms] = stamps_of_a_value_ahead_and_an_error();
  EXPECT_EQ(error_ms, value_ms);
}

TEST_F(PublisherTest, topic_that_is_not_there_is_parked_while_others_flow_and_nothing_is_lost) {
  rd_kafka_mock_topic_set_error(mock_.get(), "away", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  start();
  IntakeEntry& away = log_.open(0, "away", "c0");
  IntakeEntry& here = log_.open(1, "here", "c1");
  for (int i = 0; i < 200; ++i) {
    log_.intake->event(away, DoubleEvent(i));
    log_.intake->event(here, DoubleEvent(i));
  }
  ASSERT_TRUE(eventually([&] { return line(0).publisher.blocked.load() == ledger::Blocked::no_topic; }));
  ASSERT_TRUE(eventually([&] { return counts(1).acknowledged == 200; }));
  EXPECT_NE(publisher_->last_error().find("away"), std::string::npos)
      << "it lasts as long as its topic waits";
  EXPECT_EQ(counts(0).waiting, 200u);
  for (int i = 200; i < 300; ++i) log_.intake->event(away, DoubleEvent(i));
  rd_kafka_mock_topic_set_error(mock_.get(), "away", RD_KAFKA_RESP_ERR_NO_ERROR);
  ASSERT_TRUE(drained()) << publisher_->last_error();
  EXPECT_EQ(counts(0).acknowledged, 300u);
  EXPECT_EQ(line(0).publisher.blocked.load(), ledger::Blocked::no);
  EXPECT_EQ(publisher_->last_error(), "");
  EXPECT_EQ(consumed("away"), numbers(0, 300));
  EXPECT_EQ(consumed("here"), numbers(0, 200));
}

TEST_F(PublisherTest, topic_waits_for_its_schemas_ids_while_others_flow_and_then_all_comes_in_order) {
  const auto [value_ids, key_ids] = start_with_ids();
  value_ids->tell("known", 7);
  key_ids->tell("known", 8);
  IntakeEntry& known = log_.open(0, "known", "c0");
  IntakeEntry& unknown = log_.open(1, "unknown", "c1");
  for (int i = 0; i < 100; ++i) {
    log_.intake->event(unknown, DoubleEvent(i));
    log_.intake->event(known, DoubleEvent(i));
  }
  ASSERT_TRUE(eventually([&] { return counts(0).acknowledged == 100; }));
  EXPECT_EQ(line(1).publisher.blocked.load(), ledger::Blocked::encoder);
  EXPECT_EQ(counts(1).waiting, 100u);
  value_ids->tell("unknown", 9);
  for (int i = 100; i < 200; ++i) log_.intake->event(unknown, DoubleEvent(i));
  EXPECT_GT(turns_meanwhile(), 0u);
  EXPECT_EQ(counts(1).acknowledged, 0u) << "the key's id is still missing";
  key_ids->tell("unknown", 10);
  ASSERT_TRUE(drained()) << publisher_->last_error();
  EXPECT_EQ(line(1).publisher.blocked.load(), ledger::Blocked::no);
  std::vector<std::string> expected;
  for (const std::string& number : numbers(0, 200)) expected.push_back(number + "#9");
  EXPECT_EQ(consumed("unknown"), expected);
  EXPECT_EQ(counts(0).lost + counts(1).lost, 0u);
}

TEST_F(PublisherTest, what_is_missing_of_the_schemas_is_told) {
  const auto ids = start_with_ids();
  EXPECT_EQ(publisher_->schema_problem(), "the registry is away");
  ids.first->tell("t", 1);
  ids.second->tell("t", 1);
  EXPECT_EQ(publisher_->schema_problem(), "");
}

TEST_F(PublisherTest, fatal_error_gets_a_new_producer_and_nothing_is_lost) {
  send_together(options_.outlet.properties);
  start();
  IntakeEntry& e = log_.open(0);
  log_.intake->event(e, DoubleEvent(0));
  ASSERT_TRUE(drained());
  // An unknown epoch is what an idempotent producer can't go on from.
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
  for (int i = 1; i < 300; ++i) log_.intake->event(e, DoubleEvent(i));
  ASSERT_TRUE(drained()) << publisher_->last_error();
  EXPECT_EQ(counts(0).acknowledged, 300u);
  EXPECT_EQ(counts(0).lost, 0u);
  EXPECT_EQ(publisher_->last_error(), "");
  EXPECT_EQ(consumed("t"), numbers(0, 300));
}

TEST_F(PublisherTest, newest_event_of_an_interval_is_published_and_the_rest_counts_as_coalesced) {
  // Longer than a busy machine takes between two steps of this test.
  min_interval_ns_ = 1500 * kNsPerMs;
  start();
  IntakeEntry& e = log_.open(0);
  for (int i = 0; i < 50; ++i) log_.intake->event(e, DoubleEvent(i));
  ASSERT_TRUE(drained()) << "the last one is not withheld for ever";
  EXPECT_EQ(counts(0).acknowledged, 2u);
  EXPECT_EQ(counts(0).coalesced, 48u);
  for (int i = 50; i < 60; ++i) log_.intake->event(e, DoubleEvent(i));
  log_.intake->error(e, "Disconnected", ledger::Thread::ca_callback);
  log_.intake->event(e, DoubleEvent(60));
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), (std::vector<std::string>{"0", "49", "59", "Disconnected", "60"}));
  EXPECT_EQ(counts(0).received, counts(0).acknowledged + counts(0).coalesced);
}

TEST_F(PublisherTest, brokers_that_come_back_are_seen_without_any_event) {
  options_.outlet.properties["reconnect.backoff.max.ms"] = "200";
  start();
  ASSERT_TRUE(eventually([&] { return publisher_->brokers_up() == 1; }));
  rd_kafka_mock_broker_set_down(mock_.get(), 1);
  ASSERT_TRUE(eventually([&] { return publisher_->brokers_up() == 0; }));
  rd_kafka_mock_broker_set_up(mock_.get(), 1);
  ASSERT_TRUE(eventually([&] { return publisher_->brokers_up() == 1; })) << publisher_->last_error();
  EXPECT_EQ(publisher_->last_error(), "");
}

TEST_F(PublisherTest, thread_rests_while_its_producer_is_dead_and_events_come) {
  options_.outlet.first_back_off_ns = options_.outlet.longest_back_off_ns = 2 * kNsPerSecond;
  start();
  IntakeEntry& e = log_.open(0);
  log_.intake->event(e, DoubleEvent(0));
  ASSERT_TRUE(drained());
  // After the first death another is made at once, which dies, too.
  const auto died = RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 2, died, died);
  log_.intake->event(e, DoubleEvent(1));
  ASSERT_TRUE(eventually([&] { return publisher_->last_error() != ""; }));
  log_.intake->event(e, DoubleEvent(2));
  EXPECT_TRUE(eventually([&] {
    const uint64_t turns = turns_meanwhile();
    return turns < 20 && ledger::waiting_of(log_.books->header()) != 0;
  }));
  ASSERT_TRUE(drained()) << publisher_->last_error();
}

TEST_F(PublisherTest, producer_with_a_small_queue_makes_the_windows_small) {
  options_.outlet.properties["queue.buffering.max.messages"] = "8";
  start();
  IntakeEntry& stuck = log_.open(0, "stuck", "c");
  IntakeEntry& healthy = log_.open(1, "healthy", "c");
  log_.intake->event(stuck, DoubleEvent(0));
  ASSERT_TRUE(drained());
  for (int p = 0; p < 4; ++p) rd_kafka_mock_partition_set_leader(mock_.get(), "stuck", p, -1);
  for (int i = 0; i < 100; ++i) log_.intake->event(stuck, DoubleEvent(i));
  for (int i = 0; i < 100; ++i) log_.intake->event(healthy, DoubleEvent(i));
  ASSERT_TRUE(eventually([&] { return counts(1).acknowledged == 100; }));
  EXPECT_EQ(counts(0).waiting, 100u);
  EXPECT_LT(turns_meanwhile(), 40u);
}

TEST_F(PublisherTest, record_over_the_producers_size_is_lost_alone) {
  options_.outlet.properties["message.max.bytes"] = "1000";
  start();
  IntakeEntry& e = log_.open(0);
  log_.intake->event(e, DoubleEvent(0));
  log_.intake->error(e, std::string(2000, 'x'), ledger::Thread::ca_callback);
  log_.intake->event(e, DoubleEvent(1));
  ASSERT_TRUE(drained());
  EXPECT_EQ(counts(0).acknowledged, 2u);
  EXPECT_EQ(counts(0).lost, 1u);
  EXPECT_EQ(line(0).publisher.last_loss.load(), static_cast<uint8_t>(ledger::LossReason::refused_by_broker));
}

TEST_F(PublisherTest, refused_batch_is_taken_apart_and_only_who_is_refused_alone_is_lost) {
  send_together(options_.outlet.properties);
  start();
  IntakeEntry& e = log_.open(0);
  log_.intake->event(e, DoubleEvent(0));
  ASSERT_TRUE(drained());
  // The batch, and then the first record of it that is sent alone.
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 2, RD_KAFKA_RESP_ERR_INVALID_RECORD,
                                    RD_KAFKA_RESP_ERR_INVALID_RECORD);
  for (int i = 1; i < 30; ++i) log_.intake->event(e, DoubleEvent(i));
  ASSERT_TRUE(drained()) << publisher_->last_error();
  EXPECT_EQ(counts(0).acknowledged, 29u);
  EXPECT_EQ(counts(0).lost, 1u);
  EXPECT_EQ(line(0).publisher.last_loss.load(), static_cast<uint8_t>(ledger::LossReason::refused_by_broker));
  auto expected = numbers(0, 30);
  expected[1] = "Lost 1 events";
  EXPECT_EQ(consumed("t"), expected);
}

TEST_F(PublisherTest, small_windows_hold_back_and_keep_the_order) {
  options_.outlet.window = 10;
  options_.outlet.topic_window = 3;
  start();
  IntakeEntry& a = log_.open(0, "ta", "c");
  IntakeEntry& b = log_.open(1, "tb", "c");
  for (int i = 0; i < 300; ++i) {
    log_.intake->event(a, DoubleEvent(i));
    log_.intake->event(b, DoubleEvent(i));
  }
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("ta"), numbers(0, 300));
  EXPECT_EQ(consumed("tb"), numbers(0, 300));
}

TEST_F(PublisherTest, segments_are_given_back_as_they_are_settled) {
  start();
  IntakeEntry& e = log_.open(0);
  int next = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 1000; ++i) log_.intake->event(e, DoubleEvent(next++));
    ASSERT_TRUE(drained());
  }
  EXPECT_EQ(counts(0).lost, 0u);
  ASSERT_TRUE(eventually([&] { return log_.live->log().first()->number() >= 9; }));
  EXPECT_EQ(consumed("t"), numbers(0, next));
  ASSERT_TRUE(eventually([&] { return log_.books->header().oldest_waiting_arrival_real_ns.load() == 0; }));
}

TEST_F(PublisherTest, refused_topic_ends_the_producer_once_and_leaves_the_others_alone) {
  options_.outlet.flow.first_back_off_ns = options_.outlet.flow.longest_back_off_ns = 6 * kNsPerSecond;
  send_together(options_.outlet.properties);
  start();
  IntakeEntry& refused = log_.open(0, "refused", "c0");
  IntakeEntry& healthy = log_.open(1, "healthy", "c1");
  log_.intake->event(refused, DoubleEvent(0));
  log_.intake->event(healthy, DoubleEvent(0));
  ASSERT_TRUE(drained());
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  for (int i = 1; i < 20; ++i) log_.intake->event(refused, DoubleEvent(i));
  ASSERT_TRUE(
      eventually([&] { return line(0).publisher.blocked.load() == ledger::Blocked::not_authorised; }));
  for (int i = 1; i < 100; ++i) log_.intake->event(healthy, DoubleEvent(i));
  ASSERT_TRUE(eventually([&] { return counts(1).acknowledged == 100; }));
  EXPECT_EQ(line(0).publisher.blocked.load(), ledger::Blocked::not_authorised);
  EXPECT_EQ(line(1).publisher.blocked.load(), ledger::Blocked::no);
  EXPECT_EQ(counts(0).waiting, 19u);
  ASSERT_TRUE(drained()) << publisher_->last_error();
  EXPECT_EQ(line(0).publisher.blocked.load(), ledger::Blocked::no);
  EXPECT_EQ(consumed("refused"), numbers(0, 20));
  EXPECT_EQ(consumed("healthy"), numbers(0, 100));
}

TEST_F(PublisherTest, topics_without_a_leader_do_not_take_the_window_of_the_others) {
  options_.outlet.window_bytes = 20'000;
  start();
  constexpr uint32_t kStuck = 6;
  const auto name = [](uint32_t i) { return "stuck" + std::to_string(i); };
  std::vector<IntakeEntry*> stuck;
  for (uint32_t i = 0; i < kStuck; ++i) stuck.push_back(&log_.open(i, name(i), "c"));
  IntakeEntry& healthy = log_.open(kStuck, "healthy", "c");
  for (IntakeEntry* e : stuck) log_.intake->event(*e, DoubleEvent(0));
  log_.intake->event(healthy, DoubleEvent(0));
  ASSERT_TRUE(drained());
  for (uint32_t i = 0; i < kStuck; ++i)
    for (int p = 0; p < 4; ++p) rd_kafka_mock_partition_set_leader(mock_.get(), name(i).c_str(), p, -1);
  const std::string large(200, 'x');
  for (int n = 0; n < 60; ++n)
    for (IntakeEntry* e : stuck) log_.intake->error(*e, large, ledger::Thread::ca_callback);
  for (int n = 1; n < 50; ++n) log_.intake->event(healthy, DoubleEvent(n));
  ASSERT_TRUE(eventually([&] { return counts(kStuck).acknowledged == 50; })) << "a few topics stop all";
  EXPECT_EQ(counts(0).waiting, 60u);
  for (uint32_t i = 0; i < kStuck; ++i)
    for (int p = 0; p < 4; ++p) rd_kafka_mock_partition_set_leader(mock_.get(), name(i).c_str(), p, 1);
  ASSERT_TRUE(drained()) << publisher_->last_error();
  EXPECT_EQ(counts(0).acknowledged, 61u);
  EXPECT_EQ(consumed("healthy"), numbers(0, 50));
}

TEST_F(PublisherTest, stop_gives_up_at_its_deadline_when_the_broker_is_away) {
  options_.outlet.properties["bootstrap.servers"] = "127.0.0.1:1";
  start();
  log_.intake->event(log_.open(0), DoubleEvent(1));
  EXPECT_FALSE(publisher_->stop(MonotonicNs{monotonic_now().value + 200 * kNsPerMs}));
  EXPECT_EQ(publisher_->waiting(), 1u);
}

}  // namespace
}  // namespace e2k::worker
