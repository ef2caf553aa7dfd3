#include "worker/data_path.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <thread>

#include "common/kafka/conf.h"
#include "common/process_use.h"
#include "proto/ledger_reader.h"
#include "tests/unit/publish/consumed_values.h"
#include "tests/unit/spool/spool_fixture.h"
#include "worker/spool/ledger.h"

namespace e2k::worker {
namespace {

struct MockBroker {
  MockBroker() {
    owner.reset(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0));
    cluster = rd_kafka_mock_cluster_new(owner.get(), 1);
  }
  ~MockBroker() { rd_kafka_mock_cluster_destroy(cluster); }
  kafka::Handle owner;
  rd_kafka_mock_cluster_t* cluster = nullptr;
};

LaunchContract contract_in(const std::string& folder, uint32_t generation) {
  LaunchContract c;
  c.slot = Slot{3};
  c.generation = Generation{generation};
  c.ledger_path = folder + "/3.ledger";
  c.spool_path = folder + "/spool/3." + std::to_string(generation);
  c.spool_max_bytes = 256 << 20;
  c.max_event_bytes = 8 << 20;
  c.value_converter = "json";
  c.value_schema = "EPICS_CA_DBR";
  c.value_options = {{"schemas.enable", "false"}};
  c.key_converter = "string";
  return c;
}

bool eventually(const std::function<bool()>& done) {
  const auto give_up = monotonic_now().value + 20 * kNsPerSecond;
  while (!done()) {
    if (monotonic_now().value > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

int64_t in_seconds(int seconds) {
  return monotonic_now().value + seconds * kNsPerSecond;
}

std::unique_ptr<DataPath> started(const LaunchContract& contract) {
  auto path = DataPath::start(contract);
  if (!path) throw std::runtime_error(path.error().message);
  return std::move(*path);
}

TEST(DataPath, drained_worker_leaves_no_log_and_its_successor_goes_on_with_its_sums) {
  TemporaryFolder folder;
  MockBroker broker;
  auto contract = contract_in(folder.path(), 1);
  contract.producer["bootstrap.servers"] = rd_kafka_mock_cluster_bootstraps(broker.cluster);
  {
    auto path = started(contract);
    IntakeEntry* e = path->intake().open_entry(EntryIndex{0}, EntrySpec{"t", "c", Mask{1}, ""}, 0);
    ASSERT_NE(e, nullptr);
    for (int i = 0; i < 100; ++i) path->intake().event(*e, DoubleEvent(i));
    EXPECT_TRUE(path->stop(MonotonicNs{in_seconds(20)}));
    path->record_exit(WorkerExit::done, "stopped");
  }
  EXPECT_FALSE(std::filesystem::exists(contract.spool_path));
  auto reader = must(ledger::LedgerReader::open(contract.ledger_path, Slot{3}, Generation{1}));
  EXPECT_EQ(reader.header().acknowledged.load(), 100u);
  EXPECT_EQ(reader.header().exit_code.load(), 0);
  EXPECT_STREQ(reader.header().exit_reason, "stopped");

  contract = contract_in(folder.path(), 2);
  contract.producer["bootstrap.servers"] = rd_kafka_mock_cluster_bootstraps(broker.cluster);
  auto path = started(contract);
  EXPECT_EQ(path->books().acknowledged.load(), 100u);
  EXPECT_EQ(path->publishing().waiting(), 0u);
  EXPECT_TRUE(path->stop(MonotonicNs{in_seconds(20)}));
}

TEST(DataPath, undrained_log_stays_and_its_events_count_as_waiting_in_the_sums) {
  TemporaryFolder folder;
  auto contract = contract_in(folder.path(), 1);
  contract.producer["bootstrap.servers"] = "127.0.0.1:1";
  {
    auto path = started(contract);
    IntakeEntry* e = path->intake().open_entry(EntryIndex{0}, EntrySpec{"t", "c", Mask{1}, ""}, 0);
    for (int i = 0; i < 7; ++i) path->intake().event(*e, DoubleEvent(i));
    EXPECT_FALSE(path->stop(MonotonicNs{in_seconds(0)}));
  }
  EXPECT_TRUE(std::filesystem::exists(contract.spool_path));
  contract.spool_path = folder.path() + "/spool/3.2";
  contract.generation = Generation{2};
  auto path = started(contract);
  EXPECT_EQ(path->books().appended.load(), 7u);
  EXPECT_EQ(path->books().acknowledged.load(), 0u);
  EXPECT_EQ(path->publishing().waiting(), 7u);
}

// A process that does nothing until it is ended.
class Sleeper {
public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  ~Sleeper() { end(); }
  pid_t pid() const { return pid_; }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

private:
  pid_t pid_;
};

TEST(DataPath, books_of_a_worker_that_still_runs_are_left_alone_until_it_is_gone) {
  TemporaryFolder folder;
  Sleeper predecessor;
  {
    auto books = must(ledger::Ledger::create(folder.path() + "/3.ledger", Slot{3}, Generation{1}));
    books->header().pid = predecessor.pid();
    books->header().process_start_ticks = process_use(predecessor.pid())->start_ticks;
    books->header().appended.store(1'000'000);  // not what the lines say: a repair would change it
  }
  auto contract = contract_in(folder.path(), 2);
  contract.producer["bootstrap.servers"] = "127.0.0.1:1";
  auto path = DataPath::start(contract);
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().exit, WorkerExit::try_again);
  EXPECT_NE(path.error().message.find("still runs"), std::string::npos) << path.error().message;
  {
    auto reader = must(ledger::LedgerReader::open(contract.ledger_path, Slot{3}, Generation{1}));
    EXPECT_EQ(reader.header().appended.load(), 1'000'000u);
  }
  predecessor.end();
  EXPECT_TRUE(started(contract)->stop(MonotonicNs{in_seconds(5)}));
}

TEST(DataPath, log_of_a_predecessor_in_which_nothing_waits_is_removed_by_its_successor) {
  TemporaryFolder folder;
  auto contract = contract_in(folder.path(), 1);
  contract.producer["bootstrap.servers"] = "127.0.0.1:1";
  const std::string first = contract.spool_path;
  started(contract).reset();  // as if it had been killed: its log is there
  ASSERT_TRUE(std::filesystem::exists(first));
  contract.spool_path = folder.path() + "/spool/3.2";
  contract.generation = Generation{2};
  auto path = started(contract);
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(first); }));
  EXPECT_TRUE(std::filesystem::exists(contract.spool_path));
}

TEST(DataPath, older_logs_count_towards_the_share) {
  TemporaryFolder folder;
  auto contract = contract_in(folder.path(), 1);
  contract.producer["bootstrap.servers"] = "127.0.0.1:1";
  {
    auto path = started(contract);
    IntakeEntry* e = path->intake().open_entry(EntryIndex{0}, EntrySpec{"t", "c", Mask{1}, ""}, 0);
    path->intake().event(*e, DoubleEvent(1));
  }
  contract.spool_path = folder.path() + "/spool/3.2";
  contract.generation = Generation{2};
  auto path = started(contract);
  EXPECT_EQ(path->books().spool_max_bytes.load(), uint64_t{256} << 20);
  EXPECT_TRUE(eventually([&] { return path->books().older_bytes.load() != 0; }));
  EXPECT_LT(path->books().older_bytes.load(), 4u << 20) << "what was written, not what was laid out";
  EXPECT_GT(path->books().spool_bytes.load(), path->books().older_bytes.load());
}

// Generation 1 of slot 3, with seven events that nobody published.
void leave_seven_events(LaunchContract contract) {
  contract.producer["bootstrap.servers"] = "127.0.0.1:1";
  auto path = started(contract);
  IntakeEntry* e = path->intake().open_entry(EntryIndex{0}, EntrySpec{"t", "c", Mask{1}, ""}, 0);
  for (int i = 0; i < 7; ++i) path->intake().event(*e, DoubleEvent(i));
  EXPECT_FALSE(path->stop(MonotonicNs{in_seconds(0)}));
}

void expect_seven_are_found_and_published(const std::string& folder) {
  MockBroker broker;
  auto contract = contract_in(folder, 2);
  contract.producer["bootstrap.servers"] = rd_kafka_mock_cluster_bootstraps(broker.cluster);
  auto path = started(contract);
  const auto& books = path->books();
  EXPECT_TRUE(eventually([&] { return books.acknowledged.load() == 7; }));
  EXPECT_EQ(books.appended.load(), 7u);
  EXPECT_TRUE(path->stop(MonotonicNs{in_seconds(20)}));
  EXPECT_EQ(books.unreconciled.load(), 0u);
  auto reader = must(ledger::LedgerReader::open(contract.ledger_path, Slot{3}, Generation{2}));
  const auto counts = ledger::counts_of(*reader.entry(EntryIndex{0}));
  EXPECT_EQ(counts.received, 7u);
  EXPECT_EQ(counts.acknowledged, 7u);
}

TEST(DataPath, what_waits_is_counted_from_the_logs_where_the_books_are_gone) {
  TemporaryFolder folder;
  leave_seven_events(contract_in(folder.path(), 1));
  std::filesystem::remove(folder.path() + "/3.ledger");
  expect_seven_are_found_and_published(folder.path());
}

TEST(DataPath, what_waits_is_counted_from_the_logs_where_the_books_can_not_be_read) {
  TemporaryFolder folder;
  leave_seven_events(contract_in(folder.path(), 1));
  std::filesystem::resize_file(folder.path() + "/3.ledger", 5000);
  expect_seven_are_found_and_published(folder.path());
}

// Of a worker in another slot, which inherits what leave_seven_events() left.
LaunchContract heirs_contract(const std::string& folder, const MockBroker& broker) {
  auto contract = contract_in(folder, 1);
  contract.slot = Slot{5};
  contract.ledger_path = folder + "/5.ledger";
  contract.spool_path = folder + "/spool/5.1";
  contract.estates = {{Slot{3}, folder + "/3.ledger"}};
  contract.producer["bootstrap.servers"] = rd_kafka_mock_cluster_bootstraps(broker.cluster);
  return contract;
}

TEST(DataPath, logs_of_a_slot_without_a_worker_are_drained_with_their_own_books) {
  TemporaryFolder folder;
  leave_seven_events(contract_in(folder.path(), 1));
  MockBroker broker;
  auto path = started(heirs_contract(folder.path(), broker));
  IntakeEntry* e = path->intake().open_entry(EntryIndex{0}, EntrySpec{"t", "mine", Mask{1}, ""}, 0);
  path->intake().event(*e, DoubleEvent(1));
  auto reader = must(ledger::LedgerReader::open(folder.path() + "/3.ledger", Slot{3}));
  EXPECT_TRUE(eventually([&] { return reader.header().acknowledged.load() == 7; }));
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(folder.path() + "/spool/3.1"); }));
  EXPECT_TRUE(eventually([&] { return reader.header().pid == 0; })) << "a worker may have them now";
  EXPECT_TRUE(eventually([&] { return path->books().acknowledged.load() == 1; }));
  EXPECT_EQ(path->books().appended.load(), 1u) << "each slot's books are its own";
  EXPECT_EQ(ledger::counts_of(*reader.entry(EntryIndex{0})).acknowledged, 7u);
  EXPECT_TRUE(path->stop(MonotonicNs{in_seconds(20)}));
}

// Its drainer leaves before all is published, and the slot has a worker again.
TEST(DataPath, logs_that_were_not_drained_are_their_owners_again_and_nothing_of_them_is_missing) {
  TemporaryFolder folder;
  leave_seven_events(contract_in(folder.path(), 1));
  MockBroker broker;
  auto contract = heirs_contract(folder.path(), broker);
  contract.producer["bootstrap.servers"] = "127.0.0.1:1";
  auto drainer = started(contract);
  (void)drainer->stop(MonotonicNs{in_seconds(1)});
  drainer.reset();
  must(ledger::Ledger::open_for_repair(folder.path() + "/3.ledger"))->let_go();  // its process is gone
  auto own_contract = contract_in(folder.path(), 2);
  own_contract.producer["bootstrap.servers"] = "127.0.0.1:1";
  auto own = started(own_contract);
  EXPECT_EQ(own->books().unreconciled.load(), 0u);
  EXPECT_EQ(ledger::waiting_of(own->books()), 7u);
  EXPECT_FALSE(own->stop(MonotonicNs{in_seconds(1)}));
}

// The channel has moved here: what its former slot left is older.
TEST(DataPath, what_a_slot_left_comes_before_what_its_heir_receives_of_the_topic) {
  TemporaryFolder folder;
  leave_seven_events(contract_in(folder.path(), 1));
  MockBroker broker;
  rd_kafka_mock_broker_set_rtt(broker.cluster, 1, 100);
  auto path = started(heirs_contract(folder.path(), broker));
  IntakeEntry* e = path->intake().open_entry(EntryIndex{0}, EntrySpec{"t", "c", Mask{1}, ""}, 0);
  for (int i = 7; i < 20; ++i) path->intake().event(*e, DoubleEvent(i));
  EXPECT_TRUE(eventually([&] { return path->books().acknowledged.load() == 13; }));
  const auto values = consumed_values(broker.cluster, "t");
  ASSERT_EQ(values.size(), 20u);
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NE(values[i].find("[" + std::to_string(i) + ".0]"), std::string::npos) << i << ": " << values[i];
  EXPECT_TRUE(path->stop(MonotonicNs{in_seconds(20)}));
}

TEST(DataPath, heir_of_what_its_topic_cant_take_stops_at_once) {
  TemporaryFolder folder;
  leave_seven_events(contract_in(folder.path(), 1));
  MockBroker broker;
  rd_kafka_mock_topic_set_error(broker.cluster, "t", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  auto contract = heirs_contract(folder.path(), broker);
  contract.producer["topic.metadata.propagation.max.ms"] = "200";
  auto path = started(contract);
  IntakeEntry* e = path->intake().open_entry(EntryIndex{0}, EntrySpec{"t", "c", Mask{1}, ""}, 0);
  path->intake().event(*e, DoubleEvent(7));
  auto reader = must(ledger::LedgerReader::open(folder.path() + "/3.ledger", Slot{3}));
  ASSERT_TRUE(eventually(
      [&] { return reader.entry(EntryIndex{0})->publisher.blocked.load() == ledger::Blocked::no_topic; }));
  const int64_t began_ns = monotonic_now().value;
  EXPECT_FALSE(path->stop(MonotonicNs{in_seconds(20)}));
  EXPECT_LT(monotonic_now().value - began_ns, 10 * kNsPerSecond);
}

TEST(DataPath, nothing_is_published_while_paused_and_everything_after) {
  TemporaryFolder folder;
  MockBroker broker;
  auto contract = contract_in(folder.path(), 1);
  contract.producer["bootstrap.servers"] = rd_kafka_mock_cluster_bootstraps(broker.cluster);
  contract.paused = true;
  auto path = started(contract);
  IntakeEntry* e = path->intake().open_entry(EntryIndex{0}, EntrySpec{"t", "c", Mask{1}, ""}, 0);
  for (int i = 0; i < 50; ++i) path->intake().event(*e, DoubleEvent(i));
  const uint64_t turns = path->publishing().turns();
  ASSERT_TRUE(eventually([&] { return path->publishing().turns() > turns + 3; }));
  EXPECT_EQ(path->books().produced.load(), 0u);
  path->publishing().set_paused(false);
  EXPECT_TRUE(eventually([&] { return path->books().acknowledged.load() == 50; }));
  path->publishing().set_paused(true);
  for (int i = 0; i < 50; ++i) path->intake().event(*e, DoubleEvent(i));
  EXPECT_FALSE(path->stop(MonotonicNs{in_seconds(0)}));
  EXPECT_EQ(path->publishing().waiting(), 50u);
}

TEST(DataPath, settings_that_can_never_work_say_so_and_leave_no_files) {
  TemporaryFolder folder;
  auto contract = contract_in(folder.path(), 1);
  contract.producer["no.such.property"] = "1";
  auto path = DataPath::start(contract);
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().exit, WorkerExit::bad_settings);
  EXPECT_NE(path.error().message.find("no.such.property"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(contract.spool_path));

  contract = contract_in(folder.path(), 1);
  contract.value_converter = "morse";
  path = DataPath::start(contract);
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().exit, WorkerExit::bad_settings);
}

TEST(DataPath, share_of_the_spool_that_is_too_small_names_the_remedy) {
  TemporaryFolder folder;
  auto contract = contract_in(folder.path(), 1);
  contract.spool_max_bytes = 1 << 20;
  auto path = DataPath::start(contract);
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().message.find("spool.max_total_bytes"), std::string::npos);
}

}  // namespace
}  // namespace e2k::worker
