// Which channel is named for the deaths of workers.
#include <gtest/gtest.h>
#include <signal.h>

#include "supervisor/quarantine/blame.h"

namespace e2k::supervisor {
namespace {

constexpr int64_t kMinuteNs = 60 * kNsPerSecond;

Suspicion callback(const char* channel) {
  return {channel, {Slot{0}, Generation{1}, SIGSEGV, RealNs{1}, "ca_callback", 0, 0}};
}
Suspicion record(const char* channel, uint64_t position) {
  return {channel, {Slot{0}, Generation{1}, SIGABRT, RealNs{1}, "publish", 1, position}};
}

struct BlameTest : testing::Test {
  Blame blame;
  MonotonicNs now{1};
  std::vector<std::string> die(std::vector<Suspicion> suspicions) {
    std::vector<std::string> names;
    for (const Quarantined& one : blame.on_death(suspicions, now, RealNs{7})) names.push_back(one.channel);
    return names;
  }
};
using Names = std::vector<std::string>;

TEST_F(BlameTest, two_deaths_within_ten_minutes_name_a_channel) {
  EXPECT_EQ(die({callback("a")}), Names{});
  now.value += 9 * kMinuteNs;
  EXPECT_EQ(die({callback("a")}), Names{"a"});
}

TEST_F(BlameTest, a_death_of_long_ago_counts_no_more) {
  EXPECT_EQ(die({callback("a")}), Names{});
  now.value += 11 * kMinuteNs;
  EXPECT_EQ(die({callback("a")}), Names{});
}

TEST_F(BlameTest, deaths_of_different_channels_name_nobody) {
  EXPECT_EQ(die({callback("a")}), Names{});
  EXPECT_EQ(die({callback("b")}), Names{});
}

TEST_F(BlameTest, one_record_that_kills_twice_is_the_records_fault) {
  EXPECT_EQ(die({record("a", 64)}), Names{});
  EXPECT_EQ(die({record("a", 64)}), Names{});
  EXPECT_EQ(die({record("a", 128)}), Names{"a"});
}

TEST_F(BlameTest, two_threads_at_work_on_one_channel_are_one_death) {
  EXPECT_EQ(die({callback("a"), record("a", 64)}), Names{});
}

TEST_F(BlameTest, all_that_stands_against_a_channel_is_its_evidence) {
  die({callback("a")});
  const auto guilty = blame.on_death({callback("a")}, now, RealNs{7});
  ASSERT_EQ(guilty.size(), 1u);
  EXPECT_EQ(guilty.front().since, RealNs{7});
  EXPECT_EQ(guilty.front().evidence.size(), 2u);
}

TEST_F(BlameTest, what_was_forgiven_begins_anew) {
  die({callback("a")});
  blame.forget("a");
  EXPECT_EQ(die({callback("a")}), Names{});
}

Obituary died(ExitCause cause, std::optional<int> signal) {
  return {Slot{0}, Generation{1}, cause, signal, "", {}};
}

TEST(Blame, counts_what_code_brings_about_and_not_what_somebody_kills) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    EXPECT_TRUE(Blame::counts(died(ExitCause::crash, signal)));
  EXPECT_TRUE(Blame::counts(died(ExitCause::hang, SIGKILL)));
  EXPECT_FALSE(Blame::counts(died(ExitCause::crash, SIGKILL)));
  EXPECT_FALSE(Blame::counts(died(ExitCause::crash, SIGTERM)));
  EXPECT_FALSE(Blame::counts(died(ExitCause::exit, std::nullopt)));
}

}  // namespace
}  // namespace e2k::supervisor
