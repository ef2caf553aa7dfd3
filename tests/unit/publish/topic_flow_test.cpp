// The machine of an output topic, event by event.
#include "worker/publish/topic_flow.h"

#include <gtest/gtest.h>

namespace e2k::worker {
namespace {

using ledger::Blocked;

class TopicFlowTest : public ::testing::Test {
protected:
  FlowOutcome on(FlowEvent event, Failure failure = Failure::returned, bool others_flow = false) {
    return step(state_, {event, now_ns_, failure, others_flow}, settings_);
  }
  FlowOutcome fails(Failure failure) { return on(FlowEvent::failed, failure); }
  void produce(int records = 1) {
    for (int i = 0; i < records; ++i) on(FlowEvent::produced);
  }
  void flows_in_main() {
    on(FlowEvent::schemas_known);
    produce();
    on(FlowEvent::acknowledged);
  }

  FlowSettings settings_;
  FlowState state_;
  int64_t now_ns_ = 1'000'000'000'000;
};

TEST_F(TopicFlowTest, first_record_goes_alone_in_the_careful_lane_and_its_acknowledgement_opens_the_topic) {
  EXPECT_FALSE(may_produce(state_)) << "its schemas are not known";
  on(FlowEvent::schemas_known);
  EXPECT_TRUE(may_produce(state_));
  EXPECT_EQ(state_.lane, Lane::careful);
  produce();
  EXPECT_FALSE(may_produce(state_)) << "one alone";
  on(FlowEvent::acknowledged);
  EXPECT_EQ(state_.lane, Lane::main);
  produce(100);
  EXPECT_TRUE(may_produce(state_));
}

TEST_F(TopicFlowTest, obstacle_is_waited_for_once_all_that_was_in_flight_is_back) {
  flows_in_main();
  produce(3);
  EXPECT_TRUE(fails(Failure::no_topic).why_changed);
  EXPECT_FALSE(may_produce(state_));
  EXPECT_FALSE(fails(Failure::returned).read_again);
  EXPECT_TRUE(fails(Failure::returned).read_again);
  EXPECT_EQ(state_.flow, Flow::waiting);
  EXPECT_EQ(state_.why, Blocked::no_topic);
  now_ns_ += settings_.first_back_off_ns - 1;
  on(FlowEvent::tick);
  EXPECT_EQ(state_.flow, Flow::waiting);
  now_ns_ += 1;
  on(FlowEvent::tick);
  EXPECT_EQ(state_.flow, Flow::trial);
  EXPECT_EQ(state_.lane, Lane::careful);
}

TEST_F(TopicFlowTest, waits_grow_to_the_longest_and_an_acknowledgement_ends_them) {
  on(FlowEvent::schemas_known);
  for (int i = 0; i < 12; ++i) {
    produce();
    fails(Failure::not_authorised);
    EXPECT_LE(state_.retry_at_ns - now_ns_, settings_.longest_back_off_ns);
    now_ns_ = state_.retry_at_ns;
    on(FlowEvent::tick);
  }
  EXPECT_EQ(state_.back_off_ns, settings_.longest_back_off_ns);
  produce();
  EXPECT_TRUE(on(FlowEvent::acknowledged).why_changed);
  EXPECT_EQ(state_.why, Blocked::no);
  EXPECT_EQ(state_.back_off_ns, 0);
}

TEST_F(TopicFlowTest, topic_that_is_still_missing_waits_for_longer) {
  on(FlowEvent::schemas_known);
  produce();
  fails(Failure::no_topic);
  const int64_t first = state_.retry_at_ns;
  on(FlowEvent::still_missing);
  EXPECT_GT(state_.retry_at_ns, first);
}

TEST_F(TopicFlowTest, refusal_in_a_batch_loses_nobody_and_sends_the_topic_to_the_careful_lane) {
  flows_in_main();
  produce(2);
  EXPECT_FALSE(fails(Failure::record_refused).record_is_lost) << "it may have been the other one";
  const FlowOutcome last = fails(Failure::returned);
  EXPECT_TRUE(last.read_again);
  EXPECT_EQ(state_.flow, Flow::flowing);
  EXPECT_EQ(state_.lane, Lane::careful);
  EXPECT_EQ(state_.why, Blocked::no) << "a record is refused, not the topic";
}

TEST_F(TopicFlowTest, refusal_alone_loses_that_record_and_the_topic_flows_on) {
  flows_in_main();
  produce();
  fails(Failure::record_refused);
  produce();
  EXPECT_TRUE(fails(Failure::record_refused).record_is_lost);
  EXPECT_TRUE(may_produce(state_));
  EXPECT_EQ(state_.lane, Lane::careful);
}

TEST_F(TopicFlowTest, careful_lane_is_left_after_a_while_without_refusals_with_nothing_in_flight) {
  flows_in_main();
  produce();
  fails(Failure::record_refused);
  now_ns_ += settings_.careful_ns - 1;
  produce();
  on(FlowEvent::acknowledged);
  EXPECT_EQ(state_.lane, Lane::careful);
  now_ns_ += 1;
  produce();
  EXPECT_EQ(state_.lane, Lane::careful) << "something is in flight";
  on(FlowEvent::acknowledged);
  EXPECT_EQ(state_.lane, Lane::main);
}

TEST_F(TopicFlowTest, producer_that_gives_everything_back_changes_no_standing) {
  flows_in_main();
  produce(2);
  fails(Failure::returned);
  EXPECT_TRUE(fails(Failure::returned).read_again);
  EXPECT_EQ(state_.flow, Flow::flowing);
  EXPECT_EQ(state_.lane, Lane::main);
}

TEST_F(TopicFlowTest, acknowledgement_among_failures_does_not_hide_the_obstacle) {
  flows_in_main();
  produce(3);
  fails(Failure::not_authorised);
  EXPECT_FALSE(on(FlowEvent::acknowledged).why_changed);
  EXPECT_EQ(state_.why, Blocked::not_authorised);
  EXPECT_TRUE(fails(Failure::returned).read_again);
  EXPECT_EQ(state_.flow, Flow::waiting);
}

TEST_F(TopicFlowTest, silence_is_told_when_others_are_heard) {
  flows_in_main();
  produce();
  now_ns_ += settings_.silent_ns + 1;
  on(FlowEvent::tick, Failure::returned, false);
  EXPECT_EQ(state_.why, Blocked::no) << "nobody is heard: that is the brokers' affair";
  on(FlowEvent::tick, Failure::returned, true);
  EXPECT_EQ(state_.why, Blocked::silent);
  on(FlowEvent::acknowledged);
  EXPECT_EQ(state_.why, Blocked::no);
}

TEST_F(TopicFlowTest, missing_schemas_are_an_obstacle_of_their_own) {
  EXPECT_TRUE(on(FlowEvent::schemas_missing).why_changed);
  EXPECT_EQ(state_.why, Blocked::encoder);
  EXPECT_FALSE(may_produce(state_));
  EXPECT_TRUE(on(FlowEvent::schemas_known).why_changed);
  EXPECT_TRUE(may_produce(state_));
}

}  // namespace
}  // namespace e2k::worker
