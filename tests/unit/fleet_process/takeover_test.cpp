// A fleet that finds the workers of an earlier one: real processes, the real link, one supervisor after the
// other in this process.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <zmq.hpp>

#include "common/process_use.h"
#include "common/version.h"
#include "supervisor/fleet/contract_of.h"
#include "supervisor/fleet/fleet.h"
#include "supervisor/fleet/worker_records.h"
#include "tests/unit/fleet_process/fleet_fixture.h"
#include "worker/spool/ledger.h"

namespace e2k::supervisor {
namespace {

using namespace std::chrono_literals;

class Takeover : public FleetFixture {
protected:
  std::vector<std::pair<Slot, Generation>> welcomes, adoptions;
  std::vector<Obituary> losses;
  uint32_t last_generation = 9;
  int adoptions_over = 0;

  void SetUp() override { configure("books", 2); }
  void begin() {
    Fleet::Callbacks callbacks;
    callbacks.welcomed = [this](Slot s, Generation g) { welcomes.emplace_back(s, g); };
    callbacks.adopted = [this](Slot s, Generation g) { adoptions.emplace_back(s, g); };
    callbacks.adoption_over = [this] { ++adoptions_over; };
    callbacks.lost = [this](const Obituary& worker) { losses.push_back(worker); };
    callbacks.gave_up = [](Slot, const std::string&) {};
    callbacks.outdated = [this](Slot s) { fleet->restart(s); };
    callbacks.all_stopped = [this] { all_stopped = true; };
    auto made = Fleet::make(loop, config, Generation{last_generation + 1}, std::move(callbacks),
                            [this](Generation g) { last_generation = g.value; });
    ASSERT_TRUE(made) << made.error().message;
    fleet = std::move(*made);
    fleet->start();
  }
  // As kill -9 does: no word to the workers.
  void supervisor_dies() {
    fleet.reset();
    welcomes.clear();
  }
  bool welcomed(size_t n) {
    return until([&] { return welcomes.size() >= n; });
  }
  bool adopted(size_t n) {
    return until([&] { return adoptions.size() >= n; });
  }
  Fleet::SlotView slot(uint16_t i = 0) { return fleet->slot(Slot{i}); }
  static AssignItem add(uint32_t index, const std::string& channel) {
    return AddEntry{EntryIndex{index}, {"topic", channel, Mask{5}, ""}};
  }
  bool applied_all(uint16_t i = 0) {
    return until([&] { return slot(i).unapplied_items == 0; });
  }
  std::string record_file(uint16_t s = 0) {
    return folder / ("run/workers/" + std::to_string(s) + ".worker");
  }
  void TearDown() override {
    if (!fleet) return;
    FleetFixture::TearDown();
    EXPECT_FALSE(std::filesystem::exists(record_file(0)));
  }
};

TEST_F(Takeover, living_workers_are_found_by_the_next_supervisor_and_go_on_under_their_pids) {
  begin();
  ASSERT_TRUE(welcomed(2));
  fleet->assign(Slot{0}, {add(0, "a"), add(3, "b")});
  ASSERT_TRUE(applied_all());
  const int32_t pids[] = {slot(0).state->pid, slot(1).state->pid};
  // On a machine that others use it is in time once in a few times.
  int64_t took_ns = kNsPerSecond;
  for (int times = 1; times <= 3 && took_ns >= kNsPerSecond; ++times) {
    supervisor_dies();
    adoptions.clear();
    const MonotonicNs began = monotonic_now();
    begin();
    EXPECT_TRUE(fleet->is_adopting());
    ASSERT_TRUE(adopted(2));
    took_ns = monotonic_now().value - began.value;
    EXPECT_TRUE(until([&] { return adoptions_over == times; }));
    EXPECT_FALSE(fleet->is_adopting());
  }
  EXPECT_LT(took_ns, kNsPerSecond);
  EXPECT_TRUE(welcomes.empty());
  for (uint16_t i = 0; i < 2; ++i) {
    EXPECT_EQ(slot(i).state->pid, pids[i]);
    EXPECT_EQ(slot(i).state->phase, SlotPhase::running);
    EXPECT_EQ(slot(i).state->restarts, 0u);
  }
  ASSERT_NE(slot().ledger, nullptr);
  EXPECT_EQ(slot().ledger->entry(EntryIndex{3})->ca.assigned_mask.load(), 5);
  // The numbering begins anew, and nothing is applied twice.
  fleet->assign(Slot{0}, {add(4, "c")});
  ASSERT_TRUE(until([&] { return applied_by(0, Generation{10}) == "0 a\n3 b\n4 c\n"; }));
  EXPECT_TRUE(losses.empty());
  fleet->replace_outdated();
  EXPECT_EQ(slot().state->phase, SlotPhase::running) << "nothing has changed for it";
}

TEST_F(Takeover, the_death_of_a_taken_over_worker_is_seen_and_its_slot_goes_on_counting) {
  begin();
  ASSERT_TRUE(welcomed(2));
  kill(slot().state->pid, SIGKILL);
  ASSERT_TRUE(welcomed(3));
  const std::string last_exit = slot().state->last_exit;
  supervisor_dies();
  begin();
  ASSERT_TRUE(adopted(2));
  EXPECT_EQ(slot().state->restarts, 1u);
  EXPECT_EQ(slot().state->last_exit, last_exit);
  kill(slot().state->pid, SIGKILL);
  ASSERT_TRUE(welcomed(1));
  EXPECT_EQ(slot().state->restarts, 2u);
  EXPECT_EQ(slot().restarts_by_reason->at("crash"), 2u);
}

TEST_F(Takeover, a_worker_that_does_not_greet_is_killed_like_one_that_hangs) {
  begin();
  ASSERT_TRUE(welcomed(2));
  kill(slot().state->pid, SIGSTOP);
  supervisor_dies();
  begin();
  ASSERT_TRUE(adopted(1));
  EXPECT_EQ(adoptions[0].first, Slot{1});
  EXPECT_TRUE(fleet->is_adopting());
  ASSERT_TRUE(until([&] { return losses.size() == 1; }));
  EXPECT_EQ(losses[0].slot, Slot{0});
  EXPECT_EQ(losses[0].cause, ExitCause::hang);
  EXPECT_TRUE(until([&] { return adoptions_over == 1; }));
}

TEST_F(Takeover, one_whose_books_contradict_it_drains_and_is_replaced) {
  config.value.converter = "lying";
  begin();
  ASSERT_TRUE(welcomed(2));
  supervisor_dies();
  begin();
  ASSERT_TRUE(welcomed(2));
  EXPECT_TRUE(adoptions.empty());
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[0].cause, ExitCause::requested);
  EXPECT_EQ(adoptions_over, 1);
}

TEST_F(Takeover, workers_with_other_settings_are_named_when_it_is_known_what_they_serve) {
  begin();
  ASSERT_TRUE(welcomed(2));
  supervisor_dies();
  config.kafka.producer["linger.ms"] = {"7"};
  begin();
  ASSERT_TRUE(adopted(2));
  EXPECT_EQ(slot().state->phase, SlotPhase::running) << "only when it is known what it serves";
  fleet->replace_outdated();
  ASSERT_TRUE(welcomed(2));
  ASSERT_EQ(losses.size(), 2u);
  for (const Obituary& loss : losses) EXPECT_EQ(loss.how, "exit 0: drained");
}

TEST_F(Takeover, a_changed_log_level_is_told_and_replaces_nobody) {
  begin();
  ASSERT_TRUE(welcomed(2));
  supervisor_dies();
  config.log_level = "debug";
  config.workers.lease_s = 33;
  begin();
  ASSERT_TRUE(adopted(2));
  fleet->replace_outdated();
  EXPECT_EQ(slot().state->phase, SlotPhase::running);
  EXPECT_NE(read_file(record_file()).find("log_level debug"), std::string::npos);
}

TEST_F(Takeover, a_stop_during_the_takeover_drains) {
  begin();
  ASSERT_TRUE(welcomed(2));
  supervisor_dies();
  begin();
  fleet->stop();
  ASSERT_TRUE(until([&] { return all_stopped; }));
  ASSERT_EQ(losses.size(), 2u);
  for (const Obituary& loss : losses) EXPECT_EQ(loss.how, "exit 0: drained");
  fleet.reset();
}

TEST_F(Takeover, a_record_of_a_process_that_is_gone_or_another_by_now_is_removed) {
  std::filesystem::create_directories(folder / "run/workers");
  WorkerRecord record;
  record.slot = Slot{0};
  record.generation = Generation{5};
  record.pid = getpid();
  record.start_ticks = process_use(getpid())->start_ticks + 1;  // its pid was given away again
  record.token = "token";
  keep_record(config, record);
  EXPECT_TRUE(find_workers(config).empty());
  EXPECT_FALSE(std::filesystem::exists(record_file()));
}

TEST_F(Takeover, a_damaged_record_costs_the_worker_its_place_and_nothing_else) {
  begin();
  ASSERT_TRUE(welcomed(2));
  const int32_t pid = slot().state->pid;
  supervisor_dies();
  std::ofstream(record_file()) << "epics2kafka-worker-record 1\nslot 0\npid x\n";
  begin();
  ASSERT_TRUE(adopted(1));
  EXPECT_EQ(adoptions[0].first, Slot{1});
  ASSERT_TRUE(welcomed(1)) << "another one begins in its slot";
  EXPECT_TRUE(until([&] { return waitpid(pid, nullptr, WNOHANG) == pid; })) << "it was told to drain";
}

// A process that is no worker, and speaks as one of another release.
class OtherRelease : public Takeover {
protected:
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::dealer};
  pid_t pid = 0;
  std::unique_ptr<ledger::Ledger> books;

  void SetUp() override {
    Takeover::SetUp();
    config.workers.count = 1;
    config.workers.drain_timeout_ms = 100;
    std::filesystem::create_directories(folder / "run/workers");
    pid = fork();
    if (pid == 0) {
      for (;;) pause();
    }
    WorkerRecord record;
    record.slot = Slot{0};
    record.generation = Generation{5};
    record.pid = pid;
    record.start_ticks = process_use(pid)->start_ticks;
    record.token = "token";
    keep_record(config, record);
    books =
        std::move(ledger::Ledger::create(ledger_path(config, Slot{0}), Slot{0}, Generation{5}, 100).value());
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::routing_id, "0.5");
    socket.connect("ipc://" + (folder / "run/link.sock"));
  }
  // The next message of that kind, in whatever version.
  template <class M>
  std::optional<M> hear() {
    std::optional<M> found;
    until([&] {
      zmq::message_t frame;
      while (!found && socket.recv(frame, zmq::recv_flags::dontwait)) {
        version = static_cast<uint8_t>(frame.to_string_view()[1]);
        auto message = decode_supervisor_message(frame.to_string_view());
        if (const M* m = message ? std::get_if<M>(&*message) : nullptr) found = *m;
      }
      return found.has_value();
    });
    return found;
  }
  void greet(uint64_t conversation, uint8_t in_version, const std::string& release_of_it) {
    Hello hello{Slot{0}, Generation{5}, pid, "token", release_of_it, ""};
    hello.conversation = conversation;
    std::string bytes = encode(WorkerMessage(hello));
    bytes[1] = static_cast<char>(in_version);
    (void)socket.send(zmq::buffer(bytes), zmq::send_flags::none);
  }
  void TearDown() override {
    Takeover::TearDown();
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  uint8_t version = 0;
};

TEST_F(OtherRelease, a_worker_of_a_later_release_is_taken_over_and_then_replaced) {
  begin();
  const auto asked = hear<Greet>();
  ASSERT_TRUE(asked);
  greet(asked->conversation, kControlVersion + 1, "99.0");
  ASSERT_TRUE(adopted(1));
  ASSERT_TRUE(hear<Welcome>());
  EXPECT_EQ(version, kControlVersion);
  fleet->replace_outdated();
  ASSERT_TRUE(hear<Stop>());
  kill(pid, SIGKILL);
  EXPECT_TRUE(welcomed(1));
}

TEST_F(OtherRelease, one_of_an_earlier_release_that_can_not_be_taken_over_is_told_to_drain_in_its_own_words) {
  begin();
  const auto asked = hear<Greet>();
  ASSERT_TRUE(asked);
  greet(asked->conversation, 1, "0.0.1");
  ASSERT_TRUE(hear<Stop>());
  EXPECT_EQ(version, 1);
  kill(pid, SIGKILL);
  EXPECT_TRUE(welcomed(1));
  EXPECT_TRUE(adoptions.empty());
}

TEST_F(OtherRelease, what_it_said_to_the_supervisor_before_is_not_taken_for_an_answer) {
  begin();
  ASSERT_TRUE(hear<Greet>());
  greet(0, kControlVersion, release());
  greet(12345, kControlVersion, release());
  const auto asked = hear<Greet>();
  EXPECT_TRUE(adoptions.empty());
  greet(asked->conversation, kControlVersion, release());
  EXPECT_TRUE(adopted(1));
  kill(pid, SIGKILL);
  EXPECT_TRUE(welcomed(1));
}

}  // namespace
}  // namespace e2k::supervisor
