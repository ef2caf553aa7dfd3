#include "supervisor/ctl/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "supervisor/ctl/views.h"

namespace e2k::supervisor::ctl {
namespace {

TEST(Table, foreign_text_can_not_move_the_cursor) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a\\x1b[2Jb\\x0a\\x7f");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc2\x9b|\xe2\x80\xae"), "\\u{9b}|\\u{202e}");
  EXPECT_EQ(printable("\xc3\xa9\xe2\x82\xac"), "\xc3\xa9\xe2\x82\xac");
}

TEST(Table, columns_are_aligned_by_characters) {
  EXPECT_EQ(table({{"A", "B"}, {"\xc3\xa9t\xc3\xa9", "x"}, {"long name", ""}}),
            "A          B\n\xc3\xa9t\xc3\xa9        x\nlong name\n");
}

TEST(Views, a_channel_with_escape_characters_stays_on_its_line) {
  const auto entries =
      nlohmann::json::parse(R"([{"channel":"a\u001b[31m\nb","topic":"t","state":"CONNECTED"}])");
  const std::string text = ChannelsText().part(entries);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(Views, documents_of_another_shape_give_gaps) {
  for (const char* text :
       {"{}", "[]", "null", "1", R"({"workers":5,"reasons":{},"channels":[1],"entries":3})",
        R"({"uptime_s":1e300,"spool":{"bytes":-1}})"}) {
    const auto json = nlohmann::json::parse(text);
    (void)workers_text(json);
    (void)ChannelsText().part(json);
    (void)rejected_text(json);
  }
}

}  // namespace
}  // namespace e2k::supervisor::ctl
