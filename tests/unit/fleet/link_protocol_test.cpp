// The worker's side of the conversation, on a clock that the test moves.
#include "worker/link/protocol.h"

#include <gtest/gtest.h>

namespace e2k::worker {
namespace {

class LinkProtocol : public testing::Test {
protected:
  LinkState state;
  LinkSettings settings;
  LinkFacts facts;
  MonotonicNs now{1'000'000'000'000};
  std::vector<LinkAction> actions;

  void SetUp() override {
    settings.hello = {Slot{1}, Generation{2}, 3, "token", "v"};
    settings.lease_ms = 10'000;
  }
  void on(LinkEvent event) { actions = step(state, std::move(event), now, facts, settings); }
  void hear(SupervisorMessage message) { on(Received{std::move(message)}); }
  // In steps as the shell makes them.
  void pass(int64_t ms) {
    std::vector<LinkAction> all;
    for (int64_t left = ms; left > 0; left -= 100) {
      now.value += std::min<int64_t>(left, 100) * kNsPerMs;
      on(LinkTick{});
      for (auto& a : actions) all.push_back(std::move(a));
    }
    actions = std::move(all);
  }
  void pass_suspended(int64_t ms) {
    now.value += ms * kNsPerMs;
    on(LinkTick{});
  }
  template <class A>
  const A* did() const {
    for (const LinkAction& a : actions)
      if (const A* found = std::get_if<A>(&a)) return found;
    return nullptr;
  }
  template <class M>
  size_t sent() const {
    size_t n = 0;
    for (const LinkAction& a : actions)
      if (const auto* s = std::get_if<SendMessage>(&a)) n += std::holds_alternative<M>(s->message);
    return n;
  }
  void serve() {
    on(LinkTick{});
    hear(Welcome{});
  }
};

TEST_F(LinkProtocol, greets_at_once_and_until_it_is_welcomed) {
  on(LinkTick{});
  EXPECT_EQ(sent<Hello>(), 1u);
  pass(1'000);
  EXPECT_EQ(sent<Hello>(), 3u);  // every 250 ms, looked at every 100
  hear(Welcome{});
  EXPECT_EQ(state.phase, LinkPhase::serving);
  pass(1'000);
  EXPECT_EQ(sent<Hello>(), 0u);
}

TEST_F(LinkProtocol, sends_a_heartbeat_twice_a_second_at_the_time_of_all_others) {
  serve();
  facts.ca_turns = 7;
  now.value += 123 * kNsPerMs;
  on(LinkTick{});
  EXPECT_EQ(state.next_send.value % (500 * kNsPerMs), 0);
  actions.clear();
  pass(5'000);
  EXPECT_EQ(sent<Heartbeat>(), 10u);
  EXPECT_EQ(state.next_send.value % (500 * kNsPerMs), 0);
}

TEST_F(LinkProtocol, batches_are_posted_in_the_order_of_their_numbers) {
  serve();
  hear(Assign{2, {}});
  EXPECT_TRUE(actions.empty());
  hear(Assign{1, {RemoveEntry{EntryIndex{5}}}});
  ASSERT_TRUE(did<PostBatch>());
  EXPECT_EQ(did<PostBatch>()->number, 1u);
  EXPECT_EQ(did<PostBatch>()->items.size(), 1u);
  hear(Assign{2, {}});
  EXPECT_TRUE(did<PostBatch>());
}

TEST_F(LinkProtocol, a_repeated_batch_is_not_posted_twice_but_answered) {
  serve();
  hear(Assign{1, {}});
  facts.applied_number = 1;
  hear(Assign{1, {}});
  EXPECT_FALSE(did<PostBatch>());
  EXPECT_EQ(sent<Applied>(), 1u);
}

TEST_F(LinkProtocol, a_second_welcome_does_not_reset_the_numbers) {
  serve();
  hear(Assign{1, {}});
  hear(Welcome{});
  hear(Assign{1, {}});
  EXPECT_FALSE(did<PostBatch>());
}

TEST_F(LinkProtocol, an_assignment_before_the_welcome_is_dropped) {
  on(LinkTick{});
  hear(Assign{1, {}});
  EXPECT_TRUE(actions.empty());
}

TEST_F(LinkProtocol, asked_who_it_is_it_greets_once_all_is_applied_and_goes_on_with_what_it_serves) {
  serve();
  hear(Assign{1, {}});
  hear(Assign{2, {}});
  facts.applied_number = 1;
  facts.serves = 3;
  hear(Greet{77});
  pass(100);
  EXPECT_EQ(sent<Hello>(), 0u);
  facts.applied_number = 2;
  pass(100);
  ASSERT_TRUE(did<SendMessage>());
  const Hello hello = std::get<Hello>(did<SendMessage>()->message);
  EXPECT_EQ(hello.conversation, 77u);
  EXPECT_EQ(hello.serves, 3u);
  EXPECT_FALSE(hello.is_leaving);
  EXPECT_FALSE(did<ClearAll>());
  hear(Assign{3, {}});  // of the supervisor before
  EXPECT_TRUE(actions.empty());
  hear(Welcome{77});
  EXPECT_EQ(state.phase, LinkPhase::serving);
  hear(Assign{1, {}});
  ASSERT_TRUE(did<PostBatch>());
  EXPECT_EQ(did<PostBatch>()->number, 3u);  // in the worker's own count
  facts.applied_number = 3;
  hear(Assign{1, {}});
  ASSERT_TRUE(did<SendMessage>());
  EXPECT_EQ(std::get<Applied>(did<SendMessage>()->message).number, 1u);
}

TEST_F(LinkProtocol, a_welcome_of_another_conversation_is_not_taken) {
  serve();
  hear(Greet{77});
  hear(Welcome{});
  EXPECT_EQ(state.phase, LinkPhase::regreeting);
  pass(1'000);
  EXPECT_GE(sent<Hello>(), 3u);
  hear(Welcome{77});
  EXPECT_EQ(state.phase, LinkPhase::serving);
}

TEST_F(LinkProtocol, one_that_was_never_welcomed_greets_the_supervisor_that_asks) {
  on(LinkTick{});
  hear(Greet{77});
  on(LinkTick{});
  ASSERT_TRUE(did<SendMessage>());
  EXPECT_EQ(std::get<Hello>(did<SendMessage>()->message).conversation, 77u);
}

TEST_F(LinkProtocol, one_that_drains_says_so_when_it_is_asked) {
  serve();
  facts.waiting_events = 3;
  hear(Stop{5'000});
  hear(Greet{77});
  ASSERT_TRUE(did<SendMessage>());
  EXPECT_TRUE(std::get<Hello>(did<SendMessage>()->message).is_leaving);
  EXPECT_EQ(state.phase, LinkPhase::draining);
}

TEST_F(LinkProtocol, the_lease_is_the_welcomes_where_it_names_one) {
  on(LinkTick{});
  hear(Welcome{0, 20, 700});
  pass(15'000);
  EXPECT_EQ(state.phase, LinkPhase::serving);
  pass(5'100);
  EXPECT_EQ(state.phase, LinkPhase::draining);
}

TEST_F(LinkProtocol, what_was_applied_is_told_before_the_next_heartbeat) {
  serve();
  on(LinkTick{});  // the heartbeat that follows the welcome
  hear(Assign{1, {}});
  EXPECT_LE(wait_ms(state, now), 2);
  facts.applied_number = 1;
  now.value += 2 * kNsPerMs;
  on(LinkTick{});
  EXPECT_EQ(sent<Applied>(), 1u);
  on(LinkTick{});
  EXPECT_TRUE(actions.empty());
}

TEST_F(LinkProtocol, stop_clears_and_leaves_when_nothing_waits) {
  serve();
  facts.waiting_events = 3;
  hear(Stop{5'000});
  EXPECT_TRUE(did<ClearAll>());
  pass(1'000);
  EXPECT_FALSE(did<Leave>());
  facts.cleared = true;
  pass(1'000);
  EXPECT_FALSE(did<Leave>());
  EXPECT_GE(sent<Heartbeat>(), 1u);  // it is alive while it drains
  facts.waiting_events = 0;
  pass(100);
  EXPECT_EQ(sent<Goodbye>(), 1u);
  ASSERT_TRUE(did<Leave>());
  EXPECT_EQ(did<Leave>()->exit, WorkerExit::done);
}

TEST_F(LinkProtocol, a_drain_ends_at_its_deadline_and_says_what_stays) {
  serve();
  facts.waiting_events = 3;
  facts.cleared = true;
  hear(Stop{5'000});
  pass(4'900);
  EXPECT_FALSE(did<Leave>());
  pass(100);
  ASSERT_TRUE(did<Leave>());
  EXPECT_EQ(did<Leave>()->exit, WorkerExit::done);
  EXPECT_NE(did<Leave>()->reason.find("3 events stay"), std::string::npos);
}

TEST_F(LinkProtocol, a_second_stop_does_not_prolong_the_drain) {
  serve();
  hear(Stop{1'000});
  pass(900);
  hear(Stop{10'000});
  pass(100);
  EXPECT_TRUE(did<Leave>());
}

TEST_F(LinkProtocol, sigterm_drains_and_leaves_with_zero) {
  serve();
  facts.cleared = true;
  on(Terminated{});
  EXPECT_TRUE(did<ClearAll>());
  pass(100);
  ASSERT_TRUE(did<Leave>());
  EXPECT_EQ(did<Leave>()->exit, WorkerExit::done);
}

TEST_F(LinkProtocol, a_stop_before_the_welcome_is_obeyed) {
  on(LinkTick{});
  hear(Stop{1'000});
  EXPECT_TRUE(did<ClearAll>());
}

TEST_F(LinkProtocol, lease_lapses_after_silence) {
  serve();
  facts.cleared = true;
  pass(9'900);
  EXPECT_FALSE(did<ClearAll>());
  pass(200);
  EXPECT_TRUE(did<ClearAll>());
  ASSERT_TRUE(did<Leave>());
  EXPECT_EQ(did<Leave>()->exit, WorkerExit::lease_lapsed);
}

TEST_F(LinkProtocol, lease_lapses_also_for_a_worker_that_was_never_welcomed) {
  facts.cleared = true;
  on(LinkTick{});
  pass(10'100);
  ASSERT_TRUE(did<Leave>());
  EXPECT_EQ(did<Leave>()->exit, WorkerExit::lease_lapsed);
}

TEST_F(LinkProtocol, any_message_renews_the_lease) {
  serve();
  for (int i = 0; i < 10; ++i) {
    pass(9'000);
    EXPECT_FALSE(did<ClearAll>());
    hear(Ping{});
  }
}

TEST_F(LinkProtocol, a_worker_that_was_suspended_does_not_count_that_time) {
  serve();
  pass_suspended(3'600'000);
  EXPECT_FALSE(did<ClearAll>());
  pass(8'000);
  EXPECT_FALSE(did<ClearAll>());
  pass(1'100);
  EXPECT_TRUE(did<ClearAll>());
}

TEST_F(LinkProtocol, a_supervisor_of_another_release_ends_the_worker) {
  serve();
  facts.cleared = true;
  on(Misunderstood{"version 9"});
  pass(100);
  ASSERT_TRUE(did<Leave>());
  EXPECT_EQ(did<Leave>()->exit, WorkerExit::protocol);
}

TEST_F(LinkProtocol, a_pause_and_its_end_are_passed_on) {
  serve();
  hear(SetPaused{true});
  ASSERT_TRUE(did<ChangePause>());
  EXPECT_TRUE(did<ChangePause>()->paused);
}

TEST_F(LinkProtocol, which_channels_are_held_is_passed_on) {
  serve();
  hear(SetHeld{"12345678"});
  ASSERT_TRUE(did<ChangeHeld>());
  EXPECT_EQ(did<ChangeHeld>()->channels, "12345678");
}

TEST_F(LinkProtocol, its_share_of_the_spool_is_passed_on) {
  serve();
  hear(SetSpoolShare{5'000'000});
  ASSERT_TRUE(did<ChangeSpoolShare>());
  EXPECT_EQ(did<ChangeSpoolShare>()->bytes, 5'000'000u);
  hear(SetSpoolShare{0});
  EXPECT_FALSE(did<ChangeSpoolShare>());
}

TEST_F(LinkProtocol, log_level_is_passed_on) {
  serve();
  hear(SetLogLevel{"debug"});
  ASSERT_TRUE(did<ChangeLogLevel>());
  EXPECT_EQ(did<ChangeLogLevel>()->level, "debug");
}

TEST_F(LinkProtocol, nothing_happens_after_leaving) {
  serve();
  facts.cleared = true;
  hear(Stop{0});
  pass(100);
  ASSERT_EQ(state.phase, LinkPhase::left);
  hear(Assign{1, {}});
  EXPECT_TRUE(actions.empty());
  pass(1'000);
  EXPECT_TRUE(actions.empty());
}

}  // namespace
}  // namespace e2k::worker
