// What a feed does about topics that can't take their records: they are moved aside, wait over restarts, and
// come in their order, each once; who is blocked pays with its own events only.
#include <algorithm>
#include <future>
#include <string>

#include "tests/unit/publish/feed_fixture.h"
#include "worker/spool/lost_notice.h"

namespace e2k::worker {
namespace {

using ledger::LossReason;

enum class Company { none, awaited };

// All of it also where records wait for others of their topic, for up to 100 ms, at any rate.
class FeedTest : public FeedFixture, public ::testing::WithParamInterface<Company> {
protected:
  FeedTest() {
    if (GetParam() == Company::awaited) await_company();
  }
  // One event, so that it is known to be blocked.
  void find_blocked(IntakeEntry& entry, uint32_t index) {
    append(entry, 0, 1);
    ASSERT_TRUE(turn_until([&] { return why(index) == ledger::Blocked::no_topic; }));
  }
  // Of the stuck topic's, 60 from 1 on, a few stand in each segment until none is free.
  void pin_every_segment(IntakeEntry& stuck, IntakeEntry& healthy, int& next) {
    for (int i = 0; i < 20; ++i) {
      append(stuck, 1 + i * 3, 4 + i * 3);
      push_on(healthy, next, 800);
      // A small spool drops its oldest where the brokers don't keep up.
      EXPECT_TRUE(turn_until([&] { return counts(1).waiting < 800; }));
    }
  }
  // So many of the healthy topic that whatever was appended before stands in the way.
  void push_on(IntakeEntry& healthy, int& next, int events = 5000) {
    append(healthy, next, next + events);
    next += events;
  }
};

TEST_P(FeedTest, records_in_flight_that_were_moved_are_acknowledged_where_they_stand_then) {
  options_.max_bytes = 600'000;
  begin();
  IntakeEntry& stuck = log_->open(0, "stuck", "s");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  append(stuck, 0, 1);
  ASSERT_TRUE(drained());
  set_leader("stuck", -1);
  int next = 0;
  pin_every_segment(stuck, healthy, next);
  ASSERT_TRUE(turn_until([&] { return header().aside_logs.load() == 1; }));
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(next); }));
  EXPECT_EQ(counts(0).waiting, 60u);
  set_leader("stuck", 1);
  ASSERT_TRUE(turn_until([&] { return counts(0).acknowledged == 61; }));
  EXPECT_TRUE(drained()) << "its own log stays";
  EXPECT_EQ(consumed("stuck"), numbers(0, 61));
  EXPECT_EQ(lost(0) + lost(1), 0u);
}

TEST_P(FeedTest, records_in_flight_that_were_moved_and_come_back_are_published_in_their_order) {
  options_.max_bytes = 600'000;
  begin();
  IntakeEntry& stuck = log_->open(0, "stuck", "s");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  append(stuck, 0, 1);
  append(healthy, 0, 1);
  ASSERT_TRUE(drained());
  set_leader("stuck", -1);
  int next = 1;
  pin_every_segment(stuck, healthy, next);
  ASSERT_TRUE(turn_until([&] { return header().aside_logs.load() == 1; }));
  append(stuck, 61, 100);
  // Its end gives everything back.
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
  push_on(healthy, next, 100);
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(next); }));
  EXPECT_EQ(counts(0).waiting, 99u);
  set_leader("stuck", 1);
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("stuck"), numbers(0, 100));
  EXPECT_EQ(lost(0) + lost(1), 0u);
}

TEST_P(FeedTest, topic_that_is_blocked_over_restarts_gets_everything_in_order_once_it_is_mended) {
  block("away");
  int sent = 0, healthy_sent = 0;
  for (int generation = 0; generation < 3; ++generation) {
    begin();
    IntakeEntry& away = log_->open(0, "away", "a");
    IntakeEntry& healthy = log_->open(1, "healthy", "h");
    if (generation == 0) find_blocked(away, 0), sent = 1;
    append(away, sent, sent + 300);
    sent += 300;
    push_on(healthy, healthy_sent, 4000);
    append(away, sent, sent + 20);
    sent += 20;
    ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(healthy_sent); }));
    ASSERT_TRUE(turn_until([&] { return header().aside_logs.load() == 1; }));
    EXPECT_EQ(counts(0).waiting, static_cast<uint64_t>(sent));
    EXPECT_EQ(header().unreconciled.load(), 0u);
  }
  mend("away");
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("away"), numbers(0, sent));
  EXPECT_EQ(counts(0).acknowledged, static_cast<uint64_t>(sent));
  EXPECT_EQ(lost(0) + lost(1), 0u);
}

TEST_P(FeedTest, logs_of_three_generations_are_drained_oldest_first_before_the_live_one) {
  int sent = 0;
  for (int generation = 0; generation < 3; ++generation) {
    begin_appending();
    append_without_turning(log_->open(0), sent, sent + 700);
    sent += 700;
  }
  begin();
  IntakeEntry& e = log_->open(0);
  EXPECT_EQ(counts(0).waiting, 2100u);
  append(e, sent, sent + 500);
  sent += 500;
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, sent));
  EXPECT_EQ(header().logs_drained.load(), 3u);
  for (uint32_t generation = 1; generation <= 3; ++generation)
    EXPECT_FALSE(std::filesystem::exists(older_folder(generation)));
}

TEST_P(FeedTest, blocked_topic_drops_its_own_oldest_and_tells_how_many_before_its_next_event) {
  aside_bytes_ = 100'000;
  aside_segment_bytes_ = 16'384;
  block("away");
  begin();
  IntakeEntry& away = log_->open(0, "away", "a");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  find_blocked(away, 0);
  int sent = 1, healthy_sent = 0;
  for (int i = 0; i < 8; ++i) {
    append(away, sent, sent + 500);
    sent += 500;
    push_on(healthy, healthy_sent, 3000);
  }
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(healthy_sent); }));
  const uint64_t gone = lost(0);
  EXPECT_GT(gone, 0u);
  EXPECT_LT(gone, 4000u - 900u) << "its share holds more than a thousand";
  EXPECT_EQ(lost(1), 0u);
  EXPECT_EQ(lost_for(LossReason::dropped_oldest), gone);
  EXPECT_EQ(counts(0).waiting, static_cast<uint64_t>(sent) - gone);
  mend("away");
  ASSERT_TRUE(drained());
  EXPECT_EQ(lost(0), gone);
  auto expected = numbers(static_cast<int>(gone), sent);
  expected.insert(expected.begin(), "Lost " + std::to_string(gone) + " events");
  EXPECT_EQ(consumed("away"), expected);
}

TEST_P(FeedTest, record_that_tells_of_losses_and_is_dropped_itself_is_told_with_all_it_told_of) {
  notices_ = true;
  aside_bytes_ = 100'000;
  aside_segment_bytes_ = 16'384;
  block("away");
  begin();
  IntakeEntry& away = log_->open(0, "away", "a");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  find_blocked(away, 0);
  const std::vector<double> big(3000, 1.5);
  for (int i = 0; i < 7; ++i)
    log_->intake->event(away, CaEvent{6, 0, 0, 1, 0, 3000, std::as_bytes(std::span(big))});
  int sent = 1, healthy_sent = 0;
  for (int i = 0; i < 8; ++i) {
    append(away, sent, sent + 500);
    sent += 500;
    push_on(healthy, healthy_sent, 3000);
  }
  ASSERT_TRUE(turn_until([&] { return counts(1).waiting == 0; }));
  EXPECT_GT(lost_for(LossReason::dropped_oldest), 1000u);
  mend("away");
  ASSERT_TRUE(drained());
  // The seven that were too large, what told of them, and what was dropped behind it; a spool that had no
  // room for a moment adds to it.
  uint64_t told = 0;
  std::vector<std::string> values;
  for (const std::string& text : consumed("away")) {
    const uint32_t events = spool::events_of_notice(text);
    told += events;
    if (events == 0) values.push_back(text);
  }
  EXPECT_EQ(told, counts(0).lost);
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values, numbers(std::stoi(values.front()), sent));
}

TEST_P(FeedTest, what_was_lost_is_told_also_when_the_first_try_to_tell_it_comes_back) {
  send_together(outlet_options_.properties);
  begin();
  IntakeEntry& e = log_->open(0, "t", "c");
  append(e, 0, 1);
  ASSERT_TRUE(drained());
  // One that can't be expressed; what tells of it is refused at first.
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  log_->intake->event(e, DoubleEvent(-1));
  append(e, 1, 20);
  ASSERT_TRUE(drained());
  EXPECT_EQ(lost(0), 1u);
  auto expected = numbers(0, 20);
  expected.insert(expected.begin() + 1, "Lost 1 events");
  EXPECT_EQ(consumed("t"), expected);
}

TEST_P(FeedTest, topic_whose_broker_is_silent_while_others_flow_is_shown_as_such) {
  outlet_options_.flow.silent_ns = 300'000'000;
  begin();
  IntakeEntry& stuck = log_->open(0, "stuck", "s");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  append(stuck, 0, 1);
  ASSERT_TRUE(drained());
  set_leader("stuck", -1);
  append(stuck, 1, 10);
  int next = 0;
  ASSERT_TRUE(turn_until([&] {
    push_on(healthy, next, 1);
    return why(0) == ledger::Blocked::silent;
  }));
  EXPECT_EQ(why(1), ledger::Blocked::no);
  set_leader("stuck", 1);
  ASSERT_TRUE(drained());
  EXPECT_EQ(why(0), ledger::Blocked::no);
  EXPECT_EQ(consumed("stuck"), numbers(0, 10));
}

TEST_P(FeedTest, nothing_is_moved_aside_past_older_records_of_its_topic_that_stay) {
  outlet_options_.flow.silent_ns = 300'000'000;
  options_.max_bytes = 16u << 20;
  block("away");
  begin();
  IntakeEntry& stuck = log_->open(0, "stuck", "s");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  IntakeEntry& away = log_->open(2, "away", "a");
  append(stuck, 0, 1);
  append(healthy, 0, 1);
  ASSERT_TRUE(turn_until([&] { return counts(0).acknowledged + counts(1).acknowledged == 2; }));
  append(away, 0, 1);
  ASSERT_TRUE(turn_until([&] { return why(2) == ledger::Blocked::no_topic; }));
  // In flight, and not an obstacle yet: it stays where it is.
  set_leader("stuck", -1);
  append(stuck, 1, 10);
  int next = 1;
  push_on(healthy, next);
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(next); }));
  // Then it is one, and what comes after stands in another segment.
  append(stuck, 10, 20);
  ASSERT_TRUE(turn_until([&] {
    push_on(healthy, next, 1);
    return why(0) == ledger::Blocked::silent;
  }));
  push_on(healthy, next);
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(next); }));
  // Its end gives everything back.
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
  push_on(healthy, next, 100);
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(next); }));
  set_leader("stuck", 1);
  ASSERT_TRUE(turn_until([&] { return counts(0).acknowledged == 20; }));
  EXPECT_EQ(consumed("stuck"), numbers(0, 20));
}

TEST_P(FeedTest, missing_topics_are_asked_for_together_however_many_they_are) {
  outlet_options_.flow.first_back_off_ns = outlet_options_.flow.longest_back_off_ns = 200 * kNsPerMs;
  begin();
  constexpr uint32_t kTopics = 10;
  // Found to be missing at times of their own.
  for (uint32_t t = 0; t < kTopics; ++t) {
    const std::string name = "away" + std::to_string(t);
    block(name);
    append(log_->open(t, name, "a"), 0, 1);
    ASSERT_TRUE(turn_until([&] { return why(t) == ledger::Blocked::no_topic; }));
    const auto later = monotonic_now().value + 20 * kNsPerMs;
    ASSERT_TRUE(turn_until([&] { return monotonic_now().value > later; }));
  }
  const int before = answers_;
  const auto until = monotonic_now().value + 10 * outlet_options_.flow.longest_back_off_ns;
  ASSERT_TRUE(turn_until([&] { return monotonic_now().value > until; }));
  EXPECT_GE(answers_ - before, 3);
  EXPECT_LE(answers_ - before, 20) << "each asks for itself";
  for (uint32_t t = 0; t < kTopics; ++t) mend("away" + std::to_string(t));
  ASSERT_TRUE(drained());
}

TEST_P(FeedTest, blocked_topic_drops_its_newest_where_that_is_wanted) {
  options_.drop_newest = true;
  aside_bytes_ = 100'000;
  aside_segment_bytes_ = 16'384;
  block("away");
  begin();
  IntakeEntry& away = log_->open(0, "away", "a");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  find_blocked(away, 0);
  int sent = 1, healthy_sent = 0;
  for (int i = 0; i < 8; ++i) {
    append(away, sent, sent + 500);
    sent += 500;
    push_on(healthy, healthy_sent, 3000);
  }
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(healthy_sent); }));
  EXPECT_GT(lost_for(LossReason::dropped_newest), 0u);
  EXPECT_EQ(lost_for(LossReason::dropped_oldest), 0u);
  EXPECT_EQ(lost(1), 0u);
  mend("away");
  ASSERT_TRUE(drained());
  auto values = consumed("away");
  EXPECT_EQ(std::count_if(values.begin(), values.end(), [](const auto& v) { return v.starts_with("Lost"); }),
            1);
  std::erase_if(values, [](const auto& v) { return v.starts_with("Lost"); });
  ASSERT_GT(values.size(), 500u);
  values.resize(500);
  EXPECT_EQ(values, numbers(0, 500));
}

TEST_P(FeedTest, of_two_blocked_topics_the_slow_one_keeps_its_events) {
  aside_bytes_ = 150'000;
  aside_segment_bytes_ = 16'384;
  block("fast");
  block("slow");
  begin();
  IntakeEntry& fast = log_->open(0, "fast", "f");
  IntakeEntry& slow = log_->open(1, "slow", "s");
  IntakeEntry& healthy = log_->open(2, "healthy", "h");
  find_blocked(fast, 0);
  find_blocked(slow, 1);
  int fast_sent = 1, slow_sent = 1, healthy_sent = 0;
  for (int i = 0; i < 10; ++i) {
    append(fast, fast_sent, fast_sent + 900);
    fast_sent += 900;
    append(slow, slow_sent, slow_sent + 20);
    slow_sent += 20;
    push_on(healthy, healthy_sent, 3000);
  }
  ASSERT_TRUE(turn_until([&] { return counts(2).acknowledged == static_cast<uint64_t>(healthy_sent); }));
  EXPECT_GT(lost(0), 0u);
  EXPECT_EQ(lost(1), 0u) << "the fast one takes the slow one's share";
  EXPECT_EQ(lost(2), 0u);
  mend("slow");
  mend("fast");
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("slow"), numbers(0, slow_sent));
}

TEST_P(FeedTest, blocked_topic_costs_no_other_an_event_in_a_spool_of_8_mebibytes) {
  options_.max_bytes = 8u << 20;
  options_.segment_bytes = 16u << 20;
  aside_bytes_ = 2u << 20;
  aside_segment_bytes_ = 16u << 20;
  block("away");
  begin();
  IntakeEntry& away = log_->open(0, "away", "a");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  find_blocked(away, 0);
  for (int i = 0; i < 300; ++i) {
    append(away, i * 500, i * 500 + 500);
    append(healthy, i * 500, i * 500 + 500);
    ASSERT_TRUE(turn_until([&] { return counts(1).waiting < 20'000; }));
  }
  ASSERT_TRUE(turn_until([&] { return counts(1).waiting == 0; }));
  EXPECT_EQ(counts(1).acknowledged, 150'000u);
  EXPECT_EQ(lost(1), 0u);
  EXPECT_GT(counts(0).waiting, 15'000u) << "its share holds more";
  EXPECT_EQ(lost(0) + counts(0).waiting, 150'001u);
}

TEST_P(FeedTest, every_event_is_accounted_for_where_topics_and_the_live_log_fill_the_spool) {
  options_.max_bytes = 600'000;
  aside_bytes_ = 150'000;
  aside_segment_bytes_ = 16'384;
  block("away");
  begin();
  IntakeEntry& away = log_->open(0, "away", "a");
  IntakeEntry& healthy = log_->open(1, "healthy", "h");
  int healthy_sent = 0;
  find_blocked(away, 0);
  append(away, 1, 300);
  push_on(healthy, healthy_sent, 5000);
  ASSERT_TRUE(turn_until([&] { return counts(1).waiting == 0 && header().aside_logs.load() == 1; }));
  EXPECT_EQ(lost(0), 0u);
  // Then the cluster is away and the live log takes all the room there is.
  set_leader("healthy", -1);
  append_without_turning(healthy, healthy_sent, healthy_sent + 3000);
  append_without_turning(away, 300, 600);
  append_without_turning(healthy, healthy_sent + 3000, healthy_sent + 12'000);
  for (int i = 0; i < 50; ++i) turn();
  set_leader("healthy", 1);
  ASSERT_TRUE(turn_until([&] { return counts(1).waiting == 0; }));
  mend("away");
  ASSERT_TRUE(drained());
  EXPECT_EQ(counts(0).received, counts(0).acknowledged + counts(0).lost);
  EXPECT_EQ(counts(1).received, counts(1).acknowledged + counts(1).lost);
}

TEST_P(FeedTest, a_loss_that_was_not_told_is_told_once_by_the_next_worker) {
  begin();
  IntakeEntry& first = log_->open(0);
  log_->intake->event(first, DoubleEvent(0));
  log_->intake->event(first, DoubleEvent(-1));  // can't be expressed
  ASSERT_TRUE(drained());
  begin();
  log_->intake->event(log_->open(0), DoubleEvent(3));
  ASSERT_TRUE(drained());
  begin();
  log_->intake->event(log_->open(0), DoubleEvent(4));
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), (std::vector<std::string>{"0", "Lost 1 events", "3", "4"}));
}

TEST_P(FeedTest, a_notice_of_losses_that_had_no_answer_when_its_worker_died_is_told_again) {
  begin();
  IntakeEntry& first = log_->open(0);
  log_->intake->event(first, DoubleEvent(0));
  log_->intake->event(first, DoubleEvent(-1));
  ASSERT_TRUE(drained());
  rd_kafka_mock_broker_set_down(mock_.get(), 1);
  log_->intake->event(first, DoubleEvent(2));
  ASSERT_TRUE(turn_until([&] { return outlet_->in_flight() == 2; }));
  end();
  rd_kafka_mock_broker_set_up(mock_.get(), 1);
  begin();
  log_->open(0);
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), (std::vector<std::string>{"0", "Lost 1 events", "2"}));
}

TEST_P(FeedTest, the_end_of_the_careful_lanes_producer_makes_no_topic_of_the_main_lane_wait) {
  make_cluster(2);
  outlet_options_.last_answers_ns = 60 * kNsPerSecond;
  set_leader("neighbour", 1);
  set_leader("slow", 2);
  begin();
  IntakeEntry& neighbour = log_->open(0, "neighbour", "c");
  IntakeEntry& slow = log_->open(1, "slow", "c");
  log_->intake->event(neighbour, DoubleEvent(0));
  ASSERT_TRUE(drained());
  constexpr int16_t kProduce = 0;
  rd_kafka_mock_broker_push_request_error_rtts(mock_.get(), 2, kProduce, 1, RD_KAFKA_RESP_ERR_NO_ERROR,
                                               60'000);
  rd_kafka_mock_start_request_tracking(mock_.get());
  log_->intake->event(slow, DoubleEvent(0));
  // What waits for its turn within librdkafka would come back at once.
  ASSERT_TRUE(turn_until([&] { return requests(kProduce, 2) == 1; }));
  rd_kafka_test_fatal_error(outlet_->careful_handle(), RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, "a test");
  ASSERT_TRUE(turn_until([&] { return outlet_->is_careful_dead(); }));
  log_->intake->event(neighbour, DoubleEvent(1));
  ASSERT_TRUE(turn_until([&] { return counts(0).acknowledged == 2; }));
  EXPECT_TRUE(outlet_->is_careful_dead()) << "its last answer is waited for";
  EXPECT_EQ(counts(1).waiting, 1u);
}

TEST(Elsewhere, what_takes_long_is_not_waited_for_and_rings_when_it_is_done) {
  auto bell = must(Doorbell::create());
  std::promise<void> go_on;
  Elsewhere elsewhere;
  elsewhere.start([&] { go_on.get_future().wait(); }, *bell);
  EXPECT_FALSE(elsewhere.is_done());
  go_on.set_value();
  bell->wait(20'000);
  EXPECT_TRUE(elsewhere.is_done());
}

INSTANTIATE_TEST_SUITE_P(All, FeedTest, ::testing::Values(Company::none, Company::awaited),
                         [](const auto& info) {
                           return info.param == Company::none ? "alone" : "with_company";
                         });

HeldChannels holding(std::string_view channel) {
  std::string held;
  if (!channel.empty()) add_held(held, channel);
  return HeldChannels(held);
}

TEST_P(FeedTest, what_is_held_waits_over_restarts_beside_others_of_its_topic_and_goes_on_in_order) {
  begin();
  feed_->hold(holding("bad"));
  append(log_->open(0, "t", "bad"), 0, 30);
  append(log_->open(1, "t", "good"), 0, 30);
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == 30; }));
  EXPECT_EQ(counts(0).waiting, 30u);
  begin();
  feed_->hold(holding("bad"));
  append(log_->open(1, "t", "good"), 30, 60);
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == 60; }));
  EXPECT_EQ(counts(0).waiting, 30u);
  EXPECT_EQ(lost(0), 0u);
  feed_->hold(holding(""));
  append(log_->open(0, "t", "bad"), 30, 40);
  ASSERT_TRUE(drained());
  EXPECT_EQ(counts(0).acknowledged, 40u);
  EXPECT_EQ(lost(0) + lost(1), 0u);
}

TEST_P(FeedTest, what_is_held_does_not_keep_its_segment_from_others) {
  options_.max_bytes = 600'000;
  begin();
  feed_->hold(holding("bad"));
  append(log_->open(0, "t", "bad"), 0, 20);
  IntakeEntry& healthy = log_->open(1, "healthy", "good");
  int next = 0;
  for (int i = 0; i < 10; ++i) {
    push_on(healthy, next, 3000);
    ASSERT_TRUE(turn_until([&] { return counts(1).waiting < 800; }));
  }
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == static_cast<uint64_t>(next); }));
  EXPECT_EQ(counts(0).waiting, 20u);
  feed_->hold(holding(""));
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, 20));
  EXPECT_EQ(lost(0) + lost(1), 0u);
}

}  // namespace
}  // namespace e2k::worker
