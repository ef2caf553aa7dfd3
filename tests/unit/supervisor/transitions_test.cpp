#include "supervisor/status/transitions.h"

#include <gtest/gtest.h>

#include "supervisor/status/state_counts.h"

namespace e2k::supervisor {
namespace {

struct TransitionsTest : testing::Test {
  Looked now;
  Transitions transitions;
  TransitionsTest() {
    WorkerView worker;
    worker.state = "RUNNING";
    HostView host;
    host.host = "10.0.0.1:5064";
    host.state = ledger::HostState::up;
    now.service = picture_of_service(ServiceState::running);
    now.workers = picture_of(std::vector{worker});
    now.hosts = picture_of(std::vector{host});
  }
  static std::string text_of(const std::vector<Transition>& all) {
    std::string text;
    for (const Transition& t : all)
      text += t.what + ": " + (t.before.empty() ? "" : t.before + " -> ") + t.state +
              (t.words.empty() ? "" : ": " + t.words) + "\n";
    return text;
  }
  std::string changes() { return text_of(transitions.take(now)); }
};

TEST_F(TransitionsTest, the_first_look_tells_what_is_and_the_next_what_changed) {
  EXPECT_EQ(changes(), "service: RUNNING\nworker 0: RUNNING\nIOC 10.0.0.1:5064: UP\n");
  EXPECT_EQ(changes(), "");
  now.service = picture_of_service(ServiceState::degraded);
  now.reasons = picture_of({Reason{"IOC_HUNG", "it hangs"}});
  now.workers["worker 0"] = {"BACKOFF", "signal 11"};
  now.hosts["IOC 10.0.0.1:5064"].state = "HUNG";
  now.topics["topic t"] = {"blocked", "it does not exist"};
  EXPECT_EQ(changes(),
            "service: RUNNING -> DEGRADED\nreason IOC_HUNG: stands: it hangs\n"
            "worker 0: RUNNING -> BACKOFF: signal 11\nIOC 10.0.0.1:5064: UP -> HUNG\n"
            "topic t: blocked: it does not exist\n");
  now.reasons.clear();
  now.topics.clear();
  EXPECT_EQ(changes(), "reason IOC_HUNG: stands -> ended\ntopic t: blocked -> takes records again\n");
  EXPECT_EQ(text_of(transitions.standing()),
            "service: DEGRADED\nworker 0: BACKOFF: signal 11\nIOC 10.0.0.1:5064: HUNG\n");
}

TEST_F(TransitionsTest, words_alone_are_no_change) {
  now.reasons["reason IOC_LOST"] = {"stands", "for 3 s"};
  changes();
  now.reasons["reason IOC_LOST"] = {"stands", "for 4 s"};
  EXPECT_EQ(changes(), "");
}

TEST(EntryChanges, those_that_go_the_same_way_are_put_together_whatever_their_number) {
  EntryChanges changes;
  for (uint32_t id = 0; id < 50'000; ++id)
    changes.add(EntryId{id}, ShownState::connected, ShownState::disconnected);
  changes.add(EntryId{7}, ShownState::disconnected, ShownState::connected);
  changes.add(EntryId{50'000}, std::nullopt, ShownState::pending);
  const auto groups = changes.take();
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].entries, 50'000u);
  EXPECT_EQ(groups[0].some.size(), EntryChanges::kTold);
  EXPECT_EQ(groups[1].now, ShownState::connected);
  EXPECT_FALSE(groups[2].before);
  EXPECT_TRUE(changes.take().empty());
}

TEST(StateCounts, tell_what_an_entry_was_before_and_nothing_where_it_stays_so) {
  StateCounts counts;
  const auto made = counts.set(EntryId{3}, ShownState::pending);
  EXPECT_TRUE(made.is_news && !made.before);
  EXPECT_FALSE(counts.set(EntryId{3}, ShownState::pending).is_news);
  EXPECT_EQ(counts.set(EntryId{3}, ShownState::connected).before, ShownState::pending);
}

}  // namespace
}  // namespace e2k::supervisor
