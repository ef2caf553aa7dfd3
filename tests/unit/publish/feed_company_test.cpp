// Records that wait for others of their topic: in order, each once, whatever becomes of the topic meanwhile.
#include "tests/unit/publish/feed_fixture.h"

namespace e2k::worker {
namespace {

class FeedCompanyTest : public FeedFixture {
protected:
  FeedCompanyTest() { await_company(); }

  void begin_and_wait_for_a_hold(IntakeEntry*& entry) {
    begin();
    entry = &log_->open(0, "t", "c");
    ASSERT_TRUE(turn_until([&] {
      append(*entry, next_, next_ + 1);
      ++next_;
      return outlet_->gathering().hold_ns() > 0 && outlet_->in_flight() == 0 && waits();
    }));
  }
  bool waits() { return feed_->next_due_ns().has_value() && ledger::waiting_of(header()) > 0; }

  int next_ = 0;
};

TEST_F(FeedCompanyTest, records_of_a_topic_are_handed_over_together_and_in_order) {
  IntakeEntry* entry = nullptr;
  begin_and_wait_for_a_hold(entry);
  append_without_turning(*entry, next_, next_ + 10);
  turn();
  EXPECT_FALSE(feed_->is_drained());
  EXPECT_EQ(outlet_->in_flight(), 0u) << "the first one waits for the others";
  ASSERT_TRUE(drained());
  EXPECT_TRUE(feed_->is_drained());
  EXPECT_EQ(consumed("t"), numbers(0, next_ + 10));
}

TEST_F(FeedCompanyTest, full_bunch_waits_no_longer) {
  IntakeEntry* entry = nullptr;
  begin_and_wait_for_a_hold(entry);
  append_without_turning(*entry, next_, next_ + static_cast<int>(Gathering::kFull));
  feed_->follow();
  EXPECT_GE(outlet_->in_flight(), Gathering::kFull);
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, next_ + static_cast<int>(Gathering::kFull)));
}

TEST_F(FeedCompanyTest, at_the_end_nothing_waits) {
  IntakeEntry* entry = nullptr;
  begin_and_wait_for_a_hold(entry);
  feed_->release_held(true);
  EXPECT_GT(outlet_->in_flight(), 0u);
  EXPECT_FALSE(feed_->next_due_ns());
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, next_));
}

TEST_F(FeedCompanyTest, what_waits_while_its_producer_ends_comes_in_order_and_once) {
  IntakeEntry* entry = nullptr;
  send_together(outlet_options_.properties);
  begin_and_wait_for_a_hold(entry);
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
  feed_->release_held(true);
  append_without_turning(*entry, next_, next_ + 20);
  feed_->follow();
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, next_ + 20));
  EXPECT_EQ(counts(0).lost, 0u);
}

TEST_F(FeedCompanyTest, topic_that_vanishes_keeps_what_waits_and_gets_it_when_it_is_back) {
  IntakeEntry* entry = nullptr;
  send_together(outlet_options_.properties);
  begin_and_wait_for_a_hold(entry);
  block("t");
  rd_kafka_mock_push_request_errors(mock_.get(), 0, 1, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  ASSERT_TRUE(turn_until([&] {
    append(*entry, next_, next_ + 1);
    ++next_;
    return why(0) != ledger::Blocked::no;
  }));
  EXPECT_FALSE(feed_->next_due_ns()) << "nothing of a blocked topic waits for company";
  mend("t");
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, next_));
  EXPECT_EQ(counts(0).lost, 0u);
}

TEST_F(FeedCompanyTest, site_that_allows_no_waiting_gets_none) {
  outlet_options_.properties["linger.ms"] = "0";
  begin();
  IntakeEntry& entry = log_->open(0, "t", "c");
  append(entry, 0, 1);
  ASSERT_TRUE(drained());
  int next = 1;
  const auto until = monotonic_now().value + 500 * kNsPerMs;
  while (monotonic_now().value < until) {
    append(entry, next, next + 1);
    ++next;
    turn();
    ASSERT_FALSE(feed_->next_due_ns());
  }
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(0, next));
}

}  // namespace
}  // namespace e2k::worker
