#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "names_file.h"
#include "proto/held_channels.h"
#include "service_fixture.h"
#include "supervisor/fleet/contract_of.h"

namespace e2k::supervisor {
namespace {

Result<void> save_snapshot(const std::string& folder, const std::vector<std::string>& channels,
                           int64_t next_offset) {
  SnapshotFile file(folder, "commands", channels.size());
  SnapshotPieces pieces;
  int64_t offset = 0;
  for (const std::string& channel : channels)
    pieces.add(
        {channel, EntrySpec{"t", channel, Mask{1}, ""}, KeyForm::plain, 0, offset++, false, false, false});
  file.append(pieces.take_rest());
  SnapshotTail tail;
  tail.next_offsets = {{0, next_offset}};
  return file.commit(tail);
}

TEST_F(ServiceTest, assigns_nothing_before_the_topics_end) {
  start();
  EXPECT_TRUE(fleet->started);
  greet_all();
  tail->set("a");
  tail->batch_end();
  EXPECT_EQ(place("a"), std::nullopt);
  EXPECT_EQ(service->status().state, ServiceState::starting);
  tail->end();
  EXPECT_NE(place("a"), std::nullopt);
  EXPECT_EQ(service->status().state, ServiceState::running);
}

TEST_F(ServiceTest, removes_nothing_that_the_snapshot_holds_before_the_topics_end) {
  ASSERT_TRUE(save_snapshot(directory->path(), {"a", "b"}, 2));
  start();
  greet_all();
  tail->set("a");
  tail->record("junk", std::nullopt);
  tail->batch_end();
  EXPECT_EQ(service->status().entries_total, 2u);
  tail->end();
  EXPECT_EQ(service->status().entries_total, 1u);
  EXPECT_NE(place("a"), std::nullopt);
  EXPECT_EQ(place("b"), std::nullopt);
  EXPECT_FALSE(stands("COMMAND_TOPIC_SHRANK"));
}

TEST_F(ServiceTest, removes_nothing_on_the_word_of_a_topic_that_lost_records_and_remembers_it) {
  ASSERT_TRUE(save_snapshot(directory->path(), {"a", "b"}, 10));
  start();
  greet_all();
  tail->set("a");
  tail->end();
  EXPECT_EQ(service->status().entries_total, 2u);
  EXPECT_TRUE(stands("COMMAND_TOPIC_SHRANK"));
  service->stop();
  EXPECT_TRUE(stopped);
  service.reset();  // its last snapshot is written by then
  size_t keys = 0;
  const auto kept = load_snapshot(directory->path(), {[](std::string_view, size_t) { return true; },
                                                      [&](const CommandState::LiveKey&) { ++keys; }});
  ASSERT_TRUE(kept && *kept);
  EXPECT_TRUE((*kept)->shrank);
  EXPECT_EQ(keys, 2u);
}

TEST_F(ServiceTest, follows_a_topic_that_came_back_only_when_its_end_was_reached) {
  start_with({"a"});
  tail->vanish_and_come_back();
  tail->set("b");
  tail->batch_end();
  EXPECT_EQ(place("b"), std::nullopt);
  EXPECT_FALSE(service->status().commands.caught_up);
  tail->end();
  EXPECT_NE(place("b"), std::nullopt);
  EXPECT_NE(place("a"), std::nullopt);
}

TEST_F(ServiceTest, a_workers_death_gives_its_entries_back_to_the_next_one_under_their_indices) {
  start_with({"a", "b"});
  const auto before = place("a");
  ASSERT_TRUE(before);
  fleet->die(before->slot);
  EXPECT_TRUE(stands("WORKER_FAILING"));
  served[before->slot.value].clear();
  fleet->greet(before->slot);
  EXPECT_EQ(place("a"), before);
  EXPECT_FALSE(stands("WORKER_FAILING"));
}

TEST_F(ServiceTest, what_a_worker_reported_before_it_died_is_not_reported_again) {
  start_with({"a"});
  const Place at = *place("a");
  report_never_connected(at);
  fleet->die(at.slot);
  served.clear();
  fleet->greet(at.slot);
  ASSERT_EQ(place("a"), at);
  EXPECT_TRUE(served[at.slot.value][at.index].never_connected_published);
}

TEST_F(ServiceTest, a_worker_that_has_not_applied_all_may_still_show_an_earlier_command) {
  start_with({"a"});
  const Place at = *place("a");
  report_never_connected(at);
  fleet->set_unapplied(at.slot, 1);
  fleet->die(at.slot);
  served.clear();
  fleet->greet(at.slot);
  EXPECT_FALSE(served[at.slot.value][place("a")->index].never_connected_published);
}

TEST_F(ServiceTest, a_pause_is_told_to_the_fleet_and_outlives_the_service) {
  start_with({"a"});
  ASSERT_TRUE(service->set_paused(true, {}));
  EXPECT_TRUE(fleet->paused);
  EXPECT_EQ(service->status().state, ServiceState::paused);
  service.reset();
  start();
  EXPECT_TRUE(fleet->paused);
}

TEST_F(ServiceTest, the_tails_and_the_brokers_reasons_end_when_they_say_so) {
  start_with({"a"});
  tail->tell(ReasonCode::command_topic_not_compacted, "has cleanup.policy=delete");
  tail->tell(ReasonCode::brokers_down, "no broker");
  EXPECT_TRUE(stands("COMMAND_TOPIC_NOT_COMPACTED"));
  EXPECT_TRUE(stands("BROKERS_DOWN"));
  EXPECT_EQ(service->status().state, ServiceState::degraded);
  tail->tell(ReasonCode::command_topic_not_compacted, "");
  tail->tell(ReasonCode::brokers_down, "");
  EXPECT_EQ(service->status().state, ServiceState::running);
}

TEST_F(ServiceTest, a_generation_that_can_not_be_kept_is_not_made_good_by_a_snapshot) {
  start();
  std::filesystem::create_directory(directory->path() + "/generation");  // in the way of the file
  generation_used(Generation{5});
  EXPECT_TRUE(until([&] { return stands("STATE_DIRECTORY"); }));
  greet_all();
  tail->set("a");
  tail->end();
  const std::string snapshot = directory->path() + "/commands.snapshot";
  ASSERT_TRUE(until([&] { return std::filesystem::exists(snapshot); }));
  // The command after it is in a second one, so that the first has been told of by then.
  const auto first = std::filesystem::last_write_time(snapshot);
  tail->set("b");
  tail->batch_end();
  ASSERT_TRUE(until([&] { return std::filesystem::last_write_time(snapshot) != first; }));
  EXPECT_TRUE(stands("STATE_DIRECTORY"));
  std::filesystem::remove(directory->path() + "/generation");
  generation_used(Generation{6});
  EXPECT_TRUE(until([&] { return !stands("STATE_DIRECTORY"); }));
}

TEST_F(ServiceTest, a_worker_whose_indices_run_out_is_renewed_only_when_nothing_waits_in_it) {
  for (const Slot slot : {Slot{0}, Slot{1}})
    write_names(names_path(config, slot), slot, {"old"}, ledger::kMaxEntries / 4 * 3);
  start();
  greet_all();
  fleet->ledger_of(Slot{0}).header().appended = 1;
  ASSERT_TRUE(until([&] { return !fleet->restarted.empty(); }));
  EXPECT_EQ(fleet->restarted, std::vector<Slot>{Slot{1}});
}

// A worker dies over channels that the test names.
struct QuarantineTest : ServiceTest {
  void crash_over(const std::string& channel, ledger::Thread thread = ledger::Thread::ca_callback,
                  uint64_t position = 0) {
    const auto at = place(channel);
    ASSERT_TRUE(at);
    ledger::FlightWord& word = fleet->ledger_of(at->slot).header().flight[static_cast<size_t>(thread)];
    word.entry_plus_one = at->index.value + 1;
    word.position = position;
    fleet->die(at->slot, SIGSEGV);
    served[at->slot.value].clear();
    fleet->greet(at->slot);
    note_given();
  }
  // Of nothing that was recorded.
  void crash(Slot slot) {
    fleet->die(slot, SIGSEGV);
    served[slot.value].clear();
    fleet->greet(slot);
    note_given();
  }
  ShownState state_of(const std::string& channel) { return service->entries_of(channel).front().state; }
  void restart_service(bool is_commanded_meanwhile = false) {
    service.reset();
    served.clear();
    ASSERT_TRUE(save_snapshot(directory->path(), {"a", "bad"}, 2));
    start();
    greet_all();
    tail->set("a");
    tail->set("bad");
    if (is_commanded_meanwhile) tail->set("bad", "va");
    tail->end();
    note_given();
  }
};

TEST_F(QuarantineTest, a_channel_over_which_two_workers_died_is_served_no_more_and_its_events_are_held) {
  start_with({"a", "bad"});
  crash_over("bad");
  EXPECT_TRUE(place("bad"));
  crash_over("bad");
  EXPECT_FALSE(place("bad"));
  EXPECT_TRUE(place("a"));
  EXPECT_EQ(state_of("bad"), ShownState::quarantined);
  EXPECT_TRUE(HeldChannels(fleet->held).has(channel_hash("bad")));
  EXPECT_FALSE(HeldChannels(fleet->held).has(channel_hash("a")));
  EXPECT_TRUE(stands("CHANNEL_QUARANTINED"));
  const std::string reason = service->entries_of("bad").front().reason;
  for (const char* word : {"SIGSEGV", "ca_callback", "retry"})
    EXPECT_NE(reason.find(word), std::string::npos) << reason;
}

TEST_F(QuarantineTest, it_outlives_the_supervisor_with_its_evidence) {
  start_with({"a", "bad"});
  crash_over("bad");
  crash_over("bad");
  const std::string before = service->entries_of("bad").front().reason;
  restart_service();
  EXPECT_FALSE(place("bad"));
  EXPECT_TRUE(place("a"));
  EXPECT_EQ(service->entries_of("bad").front().reason, before);
  EXPECT_TRUE(HeldChannels(fleet->held).has(channel_hash("bad")));
}

TEST_F(QuarantineTest, a_file_that_cannot_be_read_is_moved_aside_and_nobody_is_quarantined) {
  std::ofstream(directory->path() + "/quarantine") << "spoilt";
  start_with({"a", "bad"});
  EXPECT_TRUE(place("a") && place("bad"));
  EXPECT_TRUE(std::filesystem::exists(directory->path() + "/quarantine.bad"));
}

TEST_F(QuarantineTest, ends_with_a_retry_and_begins_anew_afterwards) {
  start_with({"a", "bad"});
  crash_over("bad");
  crash_over("bad");
  EXPECT_EQ(service->retry("bad", std::nullopt, {}), 1u);
  EXPECT_TRUE(place("bad"));
  EXPECT_TRUE(fleet->held.empty());
  EXPECT_FALSE(stands("CHANNEL_QUARANTINED"));
  crash_over("bad");
  EXPECT_TRUE(place("bad")) << "what it did before is forgiven";
}

TEST_F(QuarantineTest, ends_with_a_new_command_for_the_channel) {
  start_with({"a", "bad"});
  crash_over("bad");
  crash_over("bad");
  tail->set("a", "va");
  tail->batch_end();
  EXPECT_FALSE(place("bad"));
  tail->set("bad", "va");
  tail->batch_end();
  EXPECT_TRUE(place("bad"));
}

TEST_F(QuarantineTest, ends_with_a_new_command_that_came_while_no_supervisor_was_there) {
  start_with({"a", "bad"});
  crash_over("bad");
  crash_over("bad");
  restart_service(true);
  EXPECT_TRUE(place("bad"));
  EXPECT_TRUE(fleet->held.empty());
}

TEST_F(QuarantineTest, a_record_that_kills_twice_is_no_reason_to_set_its_channel_aside) {
  start_with({"a", "bad"});
  crash_over("bad", ledger::Thread::publish, 640);
  crash_over("bad", ledger::Thread::publish, 640);
  EXPECT_TRUE(place("bad"));
  crash_over("bad", ledger::Thread::publish, 704);
  EXPECT_FALSE(place("bad"));
}

TEST_F(QuarantineTest, crashes_of_which_nothing_is_recorded_begin_a_search_that_withholds_some) {
  start_with({"a", "b", "c", "d", "e", "f"});
  crash(Slot{0});
  EXPECT_EQ(served[0].size(), 3u);
  crash(Slot{0});
  EXPECT_EQ(served[0].size(), 1u) << "two fifths of three";
  EXPECT_EQ(served[1].size(), 3u);
  EXPECT_TRUE(stands("WORKER_CRASHING"));
  crash(Slot{0});
  // The only one on trial is guilty.
  EXPECT_EQ(served[0].size(), 2u);
  EXPECT_TRUE(stands("CHANNEL_QUARANTINED"));
}

TEST_F(QuarantineTest, a_worker_that_somebody_kills_blames_nobody) {
  start_with({"a", "bad"});
  for (int i = 0; i < 5; ++i) {
    const auto at = place("bad");
    fleet->ledger_of(at->slot).header().flight[0].entry_plus_one = at->index.value + 1;
    fleet->die(at->slot, SIGKILL);
    served[at->slot.value].clear();
    fleet->greet(at->slot);
    note_given();
  }
  EXPECT_TRUE(place("bad"));
}

TEST_F(ServiceTest, a_worker_that_holds_too_much_memory_is_replaced_one_at_a_time_and_not_again_at_once) {
  config.workers.max_rss_bytes = 1;
  start();
  greet_all();
  for (const Slot slot : {Slot{0}, Slot{1}}) fleet->state_of(slot).pid = ::getpid();
  ASSERT_TRUE(until([&] { return fleet->restarted.size() == 2; }));
  EXPECT_EQ(fleet->restarted, (std::vector<Slot>{Slot{0}, Slot{1}}));
  EXPECT_NE(fleet->why.find("workers.max_rss_bytes"), std::string::npos) << fleet->why;
  // Both are as large as before, and are left alone.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  (void)until([&] { return std::chrono::steady_clock::now() > end; });
  EXPECT_EQ(fleet->restarted.size(), 2u);
}

}  // namespace
}  // namespace e2k::supervisor
