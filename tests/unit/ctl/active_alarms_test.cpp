#include "supervisor/ctl/active_alarms.h"

#include <gtest/gtest.h>

namespace e2k::supervisor::ctl {
namespace {

constexpr const char* kHigh =
    R"({"severity":"MINOR","alarm":"HIGH","value":6.5,"since":"2026-01-31T23:59:59.000+00:00"})";

TEST(ActiveAlarmsTest, a_record_begins_an_alarm_and_a_tombstone_ends_it) {
  ActiveAlarms active;
  EXPECT_TRUE(active.take("b", kHigh));
  EXPECT_TRUE(active.take("a", R"({"severity":"INVALID","alarm":"Disconnected","value":null})"));
  ASSERT_EQ(active.lines().size(), 2u);
  EXPECT_TRUE(active.lines()[0].starts_with("+ a ")) << "by name";
  EXPECT_NE(active.lines()[1].find("MINOR    HIGH         6.5   since 2026-01-31"), std::string::npos);
  EXPECT_EQ(active.document()["items"][1]["alarm"], "HIGH");
  EXPECT_TRUE(active.take("b", std::nullopt));
  EXPECT_TRUE(active.line_of("b").starts_with("- b "));
  EXPECT_TRUE(active.take("b", std::nullopt)) << "twice does no harm";
  EXPECT_EQ(active.lines().size(), 1u);
}

TEST(ActiveAlarmsTest, what_is_none_of_an_alarm_changes_nothing) {
  ActiveAlarms active;
  for (const char* value : {"", "{", "7", "[]", R"({"alarm":"HIGH"})", R"({"severity":2})"})
    EXPECT_FALSE(active.take("a", value)) << value;
  EXPECT_TRUE(active.empty());
}

TEST(ActiveAlarmsTest, foreign_text_forges_no_line) {
  ActiveAlarms active;
  ASSERT_TRUE(active.take("a\n+ b", "{\"severity\":\"MAJOR\\u001b[2J\"}"));
  EXPECT_EQ(active.lines()[0].find('\n'), std::string::npos);
  EXPECT_EQ(active.lines()[0].find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace e2k::supervisor::ctl
