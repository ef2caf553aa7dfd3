// Assignments on their way to a worker: cut, ahead by a window, repeated until applied.
#include "supervisor/fleet/outbox.h"

#include <gtest/gtest.h>

#include "supervisor/fleet/log_budget.h"

namespace e2k::supervisor {
namespace {

class OutboxRules : public testing::Test {
protected:
  Outbox outbox;
  MonotonicNs now{1'000'000'000};
  uint32_t index = 0;

  void add(size_t n, size_t key_bytes = 0) {
    std::vector<AssignItem> items;
    for (size_t i = 0; i < n; ++i)
      items.emplace_back(AddEntry{EntryIndex{index++}, {"t", "c", Mask{1}, std::string(key_bytes, 'k')}});
    outbox.add(std::move(items));
  }
  std::vector<Assign> due() {
    std::vector<Assign> out;
    for (const std::string& bytes : outbox.due(now))
      out.push_back(std::get<Assign>(decode_supervisor_message(bytes).value()));
    return out;
  }
  std::vector<uint64_t> due_numbers() {
    std::vector<uint64_t> out;
    for (const Assign& assign : due()) out.push_back(assign.number);
    return out;
  }
  void pass(int64_t ms) { now.value += ms * kNsPerMs; }
};

TEST_F(OutboxRules, items_leave_once_in_batches_within_the_window) {
  add(10'000);
  EXPECT_EQ(due_numbers(), (std::vector<uint64_t>{1, 2, 3, 4}));
  EXPECT_TRUE(due_numbers().empty());
  EXPECT_TRUE(outbox.applied(2, now));
  EXPECT_EQ(outbox.unapplied_items(), 8'000u);
  EXPECT_EQ(outbox.assigned_items(), 10'000u);
  EXPECT_EQ(due_numbers(), (std::vector<uint64_t>{5, 6}));
}

TEST_F(OutboxRules, what_stays_unapplied_is_repeated_every_second) {
  add(1'500);
  due();
  pass(999);
  EXPECT_TRUE(due_numbers().empty());
  pass(1);
  EXPECT_EQ(due_numbers(), (std::vector<uint64_t>{1, 2}));
  pass(500);
  outbox.applied(1, now);
  pass(999);
  EXPECT_TRUE(due_numbers().empty());
  pass(1);
  EXPECT_EQ(due_numbers(), (std::vector<uint64_t>{2}));
}

TEST_F(OutboxRules, an_item_that_comes_long_after_the_last_is_sent_once) {
  add(1);
  due();
  outbox.applied(1, now);
  pass(60'000);
  add(1);
  EXPECT_EQ(due_numbers(), (std::vector<uint64_t>{2}));
  EXPECT_TRUE(due_numbers().empty());
}

TEST_F(OutboxRules, a_number_that_was_never_sent_applies_nothing) {
  add(10);
  due();
  EXPECT_FALSE(outbox.applied(2, now));
  EXPECT_EQ(outbox.unapplied_items(), 10u);
  EXPECT_TRUE(outbox.applied(0, now));
  EXPECT_TRUE(outbox.applied(1, now));
  EXPECT_TRUE(outbox.applied(1, now));
  EXPECT_EQ(outbox.unapplied_items(), 0u);
}

TEST_F(OutboxRules, large_keys_make_small_batches_and_a_huge_one_travels_alone) {
  add(3, 600'000);
  const auto batches = due();
  ASSERT_EQ(batches.size(), 3u);
  add(1, 5u << 20);
  outbox.applied(3, now);
  EXPECT_EQ(due().size(), 1u);
}

TEST_F(OutboxRules, a_reset_begins_with_number_one) {
  add(10);
  due();
  outbox.reset();
  EXPECT_EQ(outbox.unapplied_items(), 0u);
  add(1);
  EXPECT_EQ(due_numbers(), (std::vector<uint64_t>{1}));
}

TEST(LogBudget, lets_a_few_pass_and_counts_the_rest) {
  LogBudget budget(2, 1'000);
  MonotonicNs now{1};
  EXPECT_EQ(budget.take(now), 0u);
  EXPECT_EQ(budget.take(now), 0u);
  EXPECT_EQ(budget.take(now), std::nullopt);
  EXPECT_EQ(budget.take(now), std::nullopt);
  now.value += 1'000 * kNsPerMs;
  EXPECT_EQ(budget.take(now), 2u);
}

}  // namespace
}  // namespace e2k::supervisor
