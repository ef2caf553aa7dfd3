#include "supervisor/settings/live.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

struct LiveTest : testing::Test {
  LiveTest() {
    contract.slot = Slot{1};
    contract.token = "token";
    contract.log_level = "info";
    contract.producer = {{"bootstrap.servers", "a:9092"}, {"sasl.password", "secret"}};
    with = {settings_digest(contract), contract.log_level, "1.0"};
  }
  Reach reached() const { return reach(with, contract, "1.0"); }
  LaunchContract contract;
  LaunchedWith with;
};

TEST_F(LiveTest, the_same_settings_are_nothing_to_a_worker_whatever_its_next_launch_has_of_its_own) {
  contract.generation = Generation{99};
  contract.supervisor_pid = 77;
  contract.spool_path = "/spool/1.99";
  contract.fresh_books = contract.paused = true;
  contract.estates = {Estate{Slot{7}, "/run/7.ledger"}};
  contract.lease_s = 5;
  contract.drain_timeout_ms = 1;
  EXPECT_EQ(reached(), Reach::nothing);
}

TEST_F(LiveTest, a_log_level_is_told) {
  contract.log_level = "debug";
  EXPECT_EQ(reached(), Reach::message);
}

TEST_F(LiveTest, what_it_was_told_at_its_launch_replaces_it) {
  contract.producer["linger.ms"] = "7";
  EXPECT_EQ(reached(), Reach::replacement);
  contract.producer.erase("linger.ms");
  contract.log_level = "debug";
  contract.min_interval_ms = 10;
  EXPECT_EQ(reached(), Reach::replacement);
}

TEST_F(LiveTest, another_release_replaces_it) {
  EXPECT_EQ(reach(with, contract, "1.1"), Reach::replacement);
}

TEST_F(LiveTest, the_digest_tells_nothing_of_secrets_that_two_workers_share) {
  const std::string one = settings_digest(contract);
  EXPECT_EQ(one.size(), 64u);
  contract.token = "another";
  EXPECT_NE(settings_digest(contract), one);
}

}  // namespace
}  // namespace e2k::supervisor
