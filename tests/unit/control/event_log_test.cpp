#include "supervisor/control/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

using testing::HasSubstr;
using testing::Not;

struct EventLogTest : testing::Test {
  EventLog log{RealNs{255}};
  void add(const std::string& what, int times = 1) {
    for (int i = 0; i < times; ++i) log.add({what, "", "UP", ""}, RealNs{0});
  }
  std::string greeting(std::string_view last_event_id) {
    return log.greeting(last_event_id, {{"service", "", "RUNNING", ""}}, RealNs{0}, seen);
  }
  uint64_t seen = 0;
};

TEST_F(EventLogTest, a_reader_hears_what_stands_and_then_what_changes) {
  add("before it came");
  const std::string heard = greeting("");
  EXPECT_THAT(
      heard,
      HasSubstr("event: standing\ndata: {\"time\":\"1970-01-01T00:00:00.000000000Z\",\"what\":\"service\","
                "\"before\":null,\"state\":\"RUNNING\",\"text\":\"\"}\n\n"));
  EXPECT_THAT(heard, HasSubstr("id: ff.1\nevent: live\n"));
  EXPECT_EQ(log.next(seen).text, "");
  add("b");
  const auto chunk = log.next(seen);
  EXPECT_THAT(chunk.text, HasSubstr("id: ff.2\nevent: change\ndata: {"));
  EXPECT_FALSE(chunk.is_end);
  EXPECT_EQ(log.next(seen).text, "");
}

TEST_F(EventLogTest, a_reader_that_comes_back_goes_on_where_it_was) {
  add("a", 5);
  EXPECT_THAT(greeting("ff.3"), Not(HasSubstr("standing")));
  EXPECT_THAT(log.next(seen).text,
              testing::AllOf(HasSubstr("id: ff.4\n"), HasSubstr("id: ff.5\n"), Not(HasSubstr("ff.3\n"))));
}

TEST_F(EventLogTest, an_id_that_is_too_old_or_of_another_process_is_told_that_some_are_missing) {
  add("a", EventLog::kKept + 2);
  for (const char* id : {"ff.1", "fe.3", "ff.99999", "ff.", "nonsense"}) {
    EXPECT_THAT(greeting(id), testing::AllOf(HasSubstr("event: missed\n"), HasSubstr("event: standing\n")))
        << id;
    EXPECT_EQ(seen, log.last());
  }
  EXPECT_THAT(greeting("ff.2"), Not(HasSubstr("missed")));
}

TEST_F(EventLogTest, a_reader_that_is_too_slow_is_told_and_let_go) {
  greeting("");
  add("a", EventLog::kKept);
  EXPECT_FALSE(log.next(seen).is_end);
  seen = 0;
  add("a");
  const auto chunk = log.next(seen);
  EXPECT_TRUE(chunk.is_end);
  EXPECT_THAT(chunk.text, HasSubstr("event: dropped\n"));
}

TEST_F(EventLogTest, much_that_is_new_comes_in_bounded_pieces_and_completely) {
  greeting("");
  add(std::string(2000, 'x'), 500);
  size_t pieces = 0;
  for (std::string text = log.next(seen).text; !text.empty(); text = log.next(seen).text, ++pieces)
    EXPECT_LT(text.size(), EventLog::kChunkBytes + 4000);
  EXPECT_GT(pieces, 10u);
  EXPECT_EQ(seen, log.last());
}

}  // namespace
}  // namespace e2k::supervisor
