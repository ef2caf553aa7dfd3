#include "supervisor/status/at_work.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

struct AtWorkTest : testing::Test {
  AtWorkTest() {
    std::vector<Change> changes;
    commands.apply(0, 0, 0, "IOC:temp", R"({"topic":"t","mask":"v"})", changes);
    book.serve(changes.at(0).id, {Slot{1}, EntryIndex{5}});
  }
  std::string text(std::vector<AtWork> at_work, Slot slot = Slot{1}) {
    return at_work_text({slot, Generation{7}, ExitCause::crash, 11, "", std::move(at_work)}, book, commands);
  }
  CommandState commands{[](std::string_view) { return std::nullopt; }, 10};
  Book book;
};

TEST_F(AtWorkTest, a_flight_word_is_told_as_the_entry_that_stands_behind_its_line) {
  EXPECT_EQ(text({{ledger::Thread::publish, EntryIndex{5}}}), "publish: t/IOC:temp");
}

TEST_F(AtWorkTest, a_line_of_another_slot_or_of_no_entry_blames_nobody) {
  EXPECT_EQ(text({{ledger::Thread::ca, EntryIndex{5}}}, Slot{0}), "ca: line 5 of no entry");
  EXPECT_EQ(text({{ledger::Thread::ca, EntryIndex{6}}}), "ca: line 6 of no entry");
}

TEST_F(AtWorkTest, every_thread_that_was_at_work_is_told_and_rest_is_silence) {
  EXPECT_EQ(text({{ledger::Thread::ca_callback, EntryIndex{5}}, {ledger::Thread::publish, EntryIndex{5}}}),
            "ca_callback: t/IOC:temp; publish: t/IOC:temp");
  EXPECT_EQ(text({}), "");
}

}  // namespace
}  // namespace e2k::supervisor
