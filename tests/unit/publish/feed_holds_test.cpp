// Entries that are held: what comes of them waits, and goes out from behind the event that the worker before
// published last.
#include "feed_fixture.h"
#include "worker/publish/held.h"

namespace e2k::worker {
namespace {

class FeedHoldsTest : public FeedFixture {
protected:
  IntakeEntry& open_held(uint32_t index, const std::string& topic) {
    EXPECT_TRUE(log_->intake->hold(EntryIndex{index}));
    return log_->open(index, topic, "c");
  }
  EventIdentity identity(int number) { return identity_of(DoubleEvent(number)); }
  void release(uint32_t index, const EventIdentity& after) {
    EXPECT_TRUE(log_->intake->release(EntryIndex{index}, after));
  }
  bool turns(int count) {
    for (int i = 0; i < count; ++i) turn();
    return true;
  }
};

TEST_F(FeedHoldsTest, nothing_of_a_held_entry_goes_out_while_others_of_its_topic_do) {
  begin();
  IntakeEntry& held = open_held(0, "t");
  IntakeEntry& other = log_->open(1, "t", "d");
  append(held, 0, 5);
  append(other, 100, 105);
  ASSERT_TRUE(turn_until([&] { return counts(1).acknowledged == 5; }));
  EXPECT_EQ(counts(0).waiting, 5u);
  EXPECT_EQ(consumed("t"), numbers(100, 105));
}

TEST_F(FeedHoldsTest, what_is_behind_the_last_event_of_the_worker_before_goes_out_in_order_and_once) {
  begin();
  IntakeEntry& held = open_held(0, "t");
  append(held, 0, 10);
  turns(3);
  release(0, identity(6));
  append(held, 10, 12);
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(7, 12));
  EXPECT_EQ(counts(0).coalesced, 7u);
  EXPECT_EQ(counts(0).received, 12u);
  EXPECT_EQ(counts(0).lost, 0u);
}

TEST_F(FeedHoldsTest, a_release_counts_for_what_the_reader_has_not_come_to_either) {
  begin();
  IntakeEntry& held = open_held(0, "t");
  append_without_turning(held, 0, 10);
  release(0, identity(3));
  append_without_turning(held, 10, 12);
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(4, 12));
}

TEST_F(FeedHoldsTest, where_nothing_is_known_of_the_worker_before_all_goes_out) {
  begin();
  IntakeEntry& unknown = open_held(1, "u");
  append(unknown, 5, 8);
  release(1, {});
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("u"), numbers(5, 8));
}

// Which of the events, by their stamps, stay back.
std::vector<uint64_t> old_ones(const EventIdentity& after, const std::vector<EventIdentity>& events) {
  HeldEvents held(after);
  for (const EventIdentity& event : events) held.look(event);
  std::vector<uint64_t> old;
  for (const EventIdentity& event : events)
    if (held.is_old(event.stamp)) old.push_back(event.stamp);
  return old;
}

TEST(HeldEvents, stay_back_up_to_the_one_that_was_published_last) {
  EXPECT_EQ(old_ones({3, 30}, {{2, 20}, {3, 29}, {3, 30}, {4, 40}}), (std::vector<uint64_t>{2, 3, 3}));
}

TEST(HeldEvents, stay_back_while_they_are_older_where_that_one_is_not_among_them) {
  EXPECT_EQ(old_ones({3, 0}, {{1, 10}, {2, 20}, {3, 30}, {4, 40}}), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(old_ones({3, 31}, {{3, 30}, {4, 40}}), (std::vector<uint64_t>{}));
  EXPECT_EQ(old_ones({0, 0}, {{0, 0}, {5, 50}}), (std::vector<uint64_t>{}));
}

TEST(HeldEvents, behind_one_that_is_not_older_none_stays_back_whatever_its_stamp) {
  EXPECT_EQ(old_ones({3, 31}, {{2, 20}, {4, 40}, {1, 10}}), (std::vector<uint64_t>{2}));
}

TEST(HeldEvents, a_clock_that_was_set_back_leaves_the_match_what_it_is) {
  EXPECT_EQ(old_ones({1, 10}, {{8, 80}, {9, 90}, {1, 10}, {2, 20}}), (std::vector<uint64_t>{8, 9, 1}));
}

TEST_F(FeedHoldsTest, what_is_discarded_is_counted_and_what_comes_under_its_index_later_goes_out) {
  begin();
  IntakeEntry* held = &open_held(0, "t");
  append(*held, 0, 5);
  turns(2);
  log_->intake->close_entry(held);
  log_->intake->discard(EntryIndex{0});
  ASSERT_TRUE(drained());
  EXPECT_EQ(counts(0).coalesced, 5u);
  IntakeEntry& again = log_->open(0, "t", "c");
  append(again, 5, 8);
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(5, 8));
}

TEST_F(FeedHoldsTest, an_entry_is_held_still_after_the_death_of_its_worker_and_released_in_its_successor) {
  begin();
  IntakeEntry& held = open_held(0, "t");
  append(held, 0, 5);
  turns(2);
  begin();
  EXPECT_EQ(line(0).publisher.held.load(), 1);
  turns(5);
  EXPECT_EQ(counts(0).waiting, 5u);
  IntakeEntry& again = open_held(0, "t");
  append(again, 5, 8);
  turns(5);
  release(0, identity(2));
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(3, 8));
  EXPECT_EQ(line(0).publisher.held.load(), 0);
}

TEST_F(FeedHoldsTest, a_release_that_its_worker_did_not_live_to_carry_out_is_its_successors) {
  begin();
  IntakeEntry& held = open_held(0, "t");
  append(held, 0, 5);
  turns(2);
  release(0, identity(2));
  begin();
  ASSERT_TRUE(drained());
  EXPECT_EQ(consumed("t"), numbers(3, 5));
}

TEST_F(FeedHoldsTest, what_is_held_never_pins_the_live_log_and_keeps_its_order) {
  options_.max_bytes = 600'000;
  aside_bytes_ = 300'000;
  aside_segment_bytes_ = 16'384;
  begin();
  IntakeEntry& held = open_held(0, "t");
  IntakeEntry& other = log_->open(1, "t", "d");
  append(held, 0, 50);
  int sent = 0;
  for (int i = 0; i < 12; ++i, sent += 3000) {
    append(other, 10'000 + sent, 10'000 + sent + 3000);
    ASSERT_TRUE(turn_until([&] { return counts(1).waiting == 0; }));
  }
  append(held, 50, 60);
  EXPECT_EQ(lost(0) + lost(1), 0u);
  EXPECT_EQ(counts(0).waiting, 60u);
  release(0, identity(9));
  ASSERT_TRUE(drained());
  auto values = consumed("t");
  std::erase_if(values, [](const std::string& v) { return v.size() >= 5; });
  EXPECT_EQ(values, numbers(10, 60));
}

TEST_F(FeedHoldsTest, a_blocked_topic_has_what_was_held_when_it_opens) {
  block("t");
  begin();
  IntakeEntry& held = open_held(0, "t");
  IntakeEntry& other = log_->open(1, "t", "d");
  append(other, 100, 110);
  ASSERT_TRUE(turn_until([&] { return why(1) != ledger::Blocked::no; }));
  append(held, 0, 10);
  turns(5);
  release(0, identity(4));
  append(held, 10, 12);
  turns(5);
  mend("t");
  ASSERT_TRUE(drained());
  auto values = consumed("t");
  std::erase_if(values, [](const std::string& v) { return v.size() == 3; });
  EXPECT_EQ(values, numbers(5, 12));
}

}  // namespace
}  // namespace e2k::worker
