#include "supervisor/status/reasons.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "supervisor/status/descriptor_watch.h"
#include "supervisor/status/directory_problems.h"
#include "supervisor/status/state_problems.h"
#include "supervisor/status/worker_problems.h"

namespace e2k::supervisor {
namespace {

TEST(Reasons, a_standing_one_keeps_its_beginning_when_its_words_change) {
  Reasons reasons;
  EXPECT_EQ(reasons.tell(ReasonCode::brokers_down, "no broker answers", RealNs{1}), Reasons::Change::begun);
  EXPECT_EQ(reasons.tell(ReasonCode::brokers_down, "still none", RealNs{2}), Reasons::Change::none);
  ASSERT_EQ(reasons.list().size(), 1u);
  EXPECT_EQ(reasons.list()[0].code, "BROKERS_DOWN");
  EXPECT_EQ(reasons.list()[0].since_unix_ns, 1);
  EXPECT_EQ(reasons.list()[0].message, "still none");
}

TEST(Reasons, an_empty_message_ends_one_once) {
  Reasons reasons;
  reasons.tell(ReasonCode::spool_full, "is full", RealNs{1});
  EXPECT_TRUE(reasons.has(ReasonCode::spool_full));
  EXPECT_EQ(reasons.tell(ReasonCode::spool_full, "", RealNs{2}), Reasons::Change::ended);
  EXPECT_EQ(reasons.tell(ReasonCode::spool_full, "", RealNs{3}), Reasons::Change::none);
  EXPECT_FALSE(reasons.any());
}

TEST(Reasons, what_hurts_most_is_listed_first_with_the_command_that_shows_more) {
  Reasons reasons;
  for (const ReasonKind& kind : kReasonKinds) reasons.tell(kind.code, "stands", RealNs{1});
  std::set<std::string> names;
  size_t last = 0;
  for (const Reason& reason : reasons.list()) {
    const auto code = static_cast<size_t>(reason_code_of(reason.code).value());
    EXPECT_EQ(code, last++);
    EXPECT_FALSE(reason.more.empty());
    names.insert(reason.code);
  }
  EXPECT_EQ(names.size(), kReasonKinds.size()) << "no two have the same name";
}

TEST(Reasons, a_muted_one_is_listed_last_and_nobody_has_to_act_on_it) {
  Reasons reasons({"EVENTS_LOST", "NO_SUCH_REASON"});
  reasons.tell(ReasonCode::events_lost, "7", RealNs{1});
  EXPECT_FALSE(reasons.any());
  reasons.tell(ReasonCode::state_directory, "is full", RealNs{1});
  EXPECT_TRUE(reasons.any());
  ASSERT_EQ(reasons.list().size(), 2u);
  EXPECT_FALSE(reasons.list()[0].muted);
  EXPECT_EQ(reasons.list()[1].code, "EVENTS_LOST");
  EXPECT_TRUE(reasons.list()[1].muted);
}

TEST(Reasons, what_another_one_causes_names_it_for_as_long_as_that_stands) {
  Reasons reasons;
  reasons.tell(ReasonCode::snapshot_only, "is served", RealNs{1});
  EXPECT_EQ(reasons.list()[0].because, "");
  reasons.tell(ReasonCode::brokers_down, "none answers", RealNs{2});
  EXPECT_EQ(reasons.list()[0].because, "");
  EXPECT_EQ(reasons.list()[1].because, "BROKERS_DOWN");
}

TEST(Reasons, of_a_chain_of_causes_the_first_is_named_and_a_muted_one_causes_nothing) {
  Reasons reasons;
  for (const auto code :
       {ReasonCode::address_unresolved, ReasonCode::nothing_connected, ReasonCode::ioc_lost})
    reasons.tell(code, "stands", RealNs{1});
  EXPECT_EQ(reasons.list()[1].because, "ADDRESS_UNRESOLVED");
  EXPECT_EQ(reasons.list()[2].because, "ADDRESS_UNRESOLVED");
  Reasons muted({"ADDRESS_UNRESOLVED"});
  for (const auto code :
       {ReasonCode::address_unresolved, ReasonCode::nothing_connected, ReasonCode::ioc_lost})
    muted.tell(code, "stands", RealNs{1});
  EXPECT_EQ(muted.list()[0].because, "");
  EXPECT_EQ(muted.list()[1].because, "NOTHING_CONNECTED");
}

TEST(Reasons, a_cause_that_is_told_with_a_reason_counts_while_it_stands_itself) {
  Reasons reasons;
  reasons.tell(ReasonCode::topic_blocked, "t has no schema", RealNs{1}, ReasonCode::schema_registry);
  EXPECT_EQ(reasons.list()[0].because, "");
  reasons.tell(ReasonCode::schema_registry, "r is away", RealNs{2});
  EXPECT_EQ(reasons.list()[0].because, "SCHEMA_REGISTRY");
  reasons.tell(ReasonCode::topic_blocked, "t has no schema, u does not exist", RealNs{3});
  EXPECT_EQ(reasons.list()[0].because, "");
}

TEST(StateProblems, a_directory_that_cant_be_written_is_told_instead_of_what_follows_from_it) {
  using Thing = StateProblems::Thing;
  StateProblems problems;
  problems.note(Thing::generation, "/s/generation: Permission denied");
  problems.note(Thing::directory, "/s can't be written");
  EXPECT_EQ(problems.judged(), "/s can't be written");
  problems.note(Thing::directory, "");
  EXPECT_EQ(problems.judged().rfind("/s/generation: Permission denied. It is not kept", 0), 0u);
  EXPECT_TRUE(problems.stands(Thing::generation));
  problems.note(Thing::generation, "");
  EXPECT_EQ(problems.judged(), "");
}

TEST(DescriptorWatch, a_worker_that_is_short_of_them_is_named_and_its_death_blames_no_channel) {
  DescriptorWatch watch;
  watch.look(Slot{0}, 40, 1024, MonotonicNs{1});
  EXPECT_EQ(watch.problem(), "");
  EXPECT_FALSE(watch.on_death(Slot{0}, MonotonicNs{2}));
  EXPECT_FALSE(watch.on_death(Slot{1}, MonotonicNs{2}));
  watch.look(Slot{0}, 922, 1024, MonotonicNs{3});
  EXPECT_NE(watch.problem().find("worker 0 has 922 of the 1024 descriptors"), std::string::npos);
  EXPECT_TRUE(watch.on_death(Slot{0}, MonotonicNs{4}));
  // Its successor has few as long as it has not got as far.
  watch.look(Slot{0}, 40, 1024, MonotonicNs{5});
  EXPECT_NE(watch.problem(), "");
  watch.look(Slot{0}, 40, 1024, MonotonicNs{4 + DescriptorWatch::kHeldNs});
  EXPECT_EQ(watch.problem(), "");
}

TEST(DirectoryProblems, each_names_the_path_the_error_and_what_mends_it) {
  EXPECT_EQ(spool_directory_text({"/s", 0}), "");
  EXPECT_NE(spool_directory_text({"/s", EROFS}).find("/s can't be written: Read-only file system"),
            std::string::npos);
  EXPECT_NE(spool_directory_text({"/s", EROFS}).find("remount"), std::string::npos);
  EXPECT_NE(state_directory_text({"/s", EACCES}).find("right to write"), std::string::npos);
  EXPECT_NE(runtime_directory_text({"/r", ENOENT}).find("somebody removed it"), std::string::npos);
}

struct WorkerProblemsTest : testing::Test {
  std::vector<SlotState> states = std::vector<SlotState>(3);
  std::vector<SlotFacts> facts() {
    std::vector<SlotFacts> all;
    for (uint16_t i = 0; i < states.size(); ++i)
      all.push_back({Slot{i}, &states[i], schema_problem, address_problem_of_all});
    return all;
  }
  std::string schema_problem, address_problem_of_all;
};

TEST_F(WorkerProblemsTest, a_slot_that_failed_is_told_apart_from_those_that_come_back) {
  states[0].phase = SlotPhase::failed;
  states[0].last_exit = "exit 78: refused its settings";
  states[1].phase = SlotPhase::backoff;
  states[1].last_exit = "signal 11 (SIGSEGV)";
  states[2].phase = SlotPhase::running;
  const WorkerProblems problems = judge_workers(facts());
  EXPECT_EQ(problems.failed,
            "worker 0 is not started again: exit 78: refused its settings; mend it, then epics2kafkactl "
            "restart 0. ");
  EXPECT_EQ(problems.failing, "worker 1 is down: signal 11 (SIGSEGV); it is started again. ");
}

TEST_F(WorkerProblemsTest, what_becomes_of_a_failed_slots_events_is_told) {
  states = {SlotState{}};
  states[0].phase = SlotPhase::failed;
  states[0].last_exit = "exit 78";
  SlotFacts one{Slot{0}, &states[0], "", "", 1};
  EXPECT_NE(judge_workers({one}).failed.find("restart 0. The 1 event that it left"), std::string::npos);
  one.waiting = 7;
  one.drainer = Slot{2};
  EXPECT_NE(judge_workers({one}).failed.find("Worker 2 publishes the 7 events that it left."),
            std::string::npos);
}

TEST_F(WorkerProblemsTest, a_limit_is_told_once) {
  states[0].phase = SlotPhase::backoff;
  states[0].last_exit = "could not be started: pipe: EMFILE";
  states[0].lacks_limit = true;
  const WorkerProblems problems = judge_workers(facts());
  EXPECT_EQ(problems.limits, "worker 0 could not be started: pipe: EMFILE. ");
  EXPECT_EQ(problems.failing, "");
}

TEST_F(WorkerProblemsTest, a_start_is_no_problem_until_one_has_failed) {
  states[0].phase = SlotPhase::starting;
  EXPECT_EQ(judge_workers(facts()).failing, "");
  states[0].failures = 1;
  states[0].last_exit = "exit 1";
  EXPECT_EQ(judge_workers(facts()).failing, "worker 0 is being started again after: exit 1. ");
}

TEST_F(WorkerProblemsTest, what_workers_say_alike_is_told_once_and_a_dead_one_says_nothing_of_addresses) {
  schema_problem = "http://r does not answer";
  address_problem_of_all = "host gw is not known";
  EXPECT_EQ(judge_workers(facts()).schema_registry,
            "http://r does not answer. Events of its topics wait in the spool");
  EXPECT_EQ(address_problem(facts()), "");
  for (SlotState& state : states) state.phase = SlotPhase::running;
  EXPECT_EQ(address_problem(facts()).find("host gw"), address_problem(facts()).rfind("host gw"));
  EXPECT_NE(address_problem(facts()), "");
}

}  // namespace
}  // namespace e2k::supervisor
