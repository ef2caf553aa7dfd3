#include "supervisor/fleet/obituary.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <memory>

namespace e2k::supervisor {
namespace {

constexpr int exited(int code) {
  return code << 8;
}

struct ObituaryTest : testing::Test {
  // Too large for the stack.
  std::unique_ptr<ledger::Header> header{new ledger::Header{}};
  ObituaryTest() { header->exit_code = -1; }
  ledger::FlightWord& word(ledger::Thread thread) { return header->flight[static_cast<size_t>(thread)]; }
  Obituary of(int wait_status) {
    return obituary_of(Slot{1}, Generation{7}, ExitCause::crash, how_it_ended(wait_status, ""), wait_status,
                       header.get());
  }
};

TEST(HowItEnded, is_told_for_people) {
  EXPECT_EQ(how_it_ended(exited(78), ""), "exit 78: refused its settings");
  EXPECT_EQ(how_it_ended(exited(3), ""), "exit 3");
  EXPECT_EQ(how_it_ended(SIGSEGV, ""), "signal 11 (SIGSEGV)");
  EXPECT_EQ(how_it_ended(SIGSEGV | 0x80, ""), "signal 11 (SIGSEGV), core dumped");
  EXPECT_EQ(how_it_ended(exited(75), "no space left"), "exit 75: a resource was missing (no space left)");
}

TEST_F(ObituaryTest, the_books_tell_how_a_worker_ended_whose_end_nobody_saw) {
  EXPECT_EQ(end_by_books(*header), kEndNotKnown);
  header->crashed = ledger::kCrashedElsewhere;  // without a signal
  EXPECT_EQ(end_by_books(*header), kEndNotKnown);
  header->crashed = static_cast<uint16_t>(SIGSEGV << 8 | ledger::kCrashedElsewhere);
  EXPECT_EQ(end_by_books(*header), SIGSEGV);
  header->exit_code = 0;
  EXPECT_EQ(end_by_books(*header), exited(0)) << "it left, whatever it went through before";
  header->exit_code = 75;
  EXPECT_EQ(end_by_books(*header), exited(75));
}

TEST_F(ObituaryTest, words_count_only_of_a_worker_that_came_to_leave_them) {
  std::strcpy(header->exit_reason, "asked to stop");
  EXPECT_EQ(last_words(*header), "");
  header->exit_code = 0;
  EXPECT_EQ(last_words(*header), "asked to stop");
}

TEST_F(ObituaryTest, a_signal_shows_what_threads_were_at_work_on) {
  word(ledger::Thread::ca_callback).entry_plus_one = 1;
  word(ledger::Thread::ca_callback).position = 99;  // not this thread's
  word(ledger::Thread::publish).entry_plus_one = 6;
  word(ledger::Thread::publish).position = 4096;
  word(ledger::Thread::publish).log = 3;
  const Obituary died = of(SIGSEGV);
  EXPECT_EQ(died.signal, SIGSEGV);
  EXPECT_EQ(died.at_work, (std::vector<AtWork>{{ledger::Thread::ca_callback, EntryIndex{0}},
                                               {ledger::Thread::publish, EntryIndex{5}, 4096, 3}}));
}

TEST_F(ObituaryTest, where_it_is_known_which_thread_crashed_the_others_are_not_blamed) {
  word(ledger::Thread::ca_callback).entry_plus_one = 1;
  word(ledger::Thread::publish).entry_plus_one = 6;
  header->crashed = static_cast<uint16_t>(SIGSEGV << 8 | (static_cast<int>(ledger::Thread::publish) + 1));
  const Obituary died = of(SIGSEGV);
  ASSERT_EQ(died.at_work.size(), 1u);
  EXPECT_EQ(died.at_work.front().thread, ledger::Thread::publish);
  header->crashed = static_cast<uint16_t>(SIGSEGV << 8 | ledger::kCrashedElsewhere);
  EXPECT_TRUE(of(SIGSEGV).at_work.empty());
}

TEST_F(ObituaryTest, who_left_by_itself_was_at_work_on_nothing) {
  word(ledger::Thread::publish).entry_plus_one = 6;
  const Obituary left = of(exited(75));
  EXPECT_EQ(left.signal, std::nullopt);
  EXPECT_TRUE(left.at_work.empty());
}

TEST_F(ObituaryTest, a_flight_word_that_names_no_entry_is_garbage) {
  word(ledger::Thread::ca).entry_plus_one = UINT64_MAX;
  EXPECT_TRUE(of(SIGSEGV).at_work.empty());
}

TEST_F(ObituaryTest, one_that_could_not_be_launched_left_nothing) {
  const Obituary none = obituary_of(Slot{0}, Generation{1}, ExitCause::launch_failed,
                                    "could not be started: fork: no memory", std::nullopt, nullptr);
  EXPECT_EQ(none.signal, std::nullopt);
  EXPECT_TRUE(none.at_work.empty());
  EXPECT_EQ(none.how, "could not be started: fork: no memory");
}

}  // namespace
}  // namespace e2k::supervisor
