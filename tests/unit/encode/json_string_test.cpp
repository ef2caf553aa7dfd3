#include "worker/encode/json_string.h"

#include <gtest/gtest.h>

#include <string>

namespace e2k::worker {
namespace {

std::string json(std::string_view text) {
  Buffer out;
  append_json_string(text, out);
  return std::string(out.view());
}

TEST(JsonString, plain_text_is_quoted_only) {
  EXPECT_EQ(json(""), "\"\"");
  EXPECT_EQ(json("Beam on / 3 mA"), "\"Beam on / 3 mA\"");
}

TEST(JsonString, controls_are_escaped_by_letter_or_in_upper_case_hex) {
  EXPECT_EQ(json("\"\\\b\t\n\f\r"), R"("\"\\\b\t\n\f\r")");
  EXPECT_EQ(json(std::string_view("\0\x01\x1b\x1f", 4)), R"("\u0000\u0001\u001B\u001F")");
  EXPECT_EQ(json("\x7f"), "\"\x7f\"");
}

TEST(JsonString, the_basic_plane_stays_raw_and_what_is_beyond_becomes_a_pair) {
  EXPECT_EQ(json("\u00e9\u2028\uffff"), "\"\u00e9\u2028\uffff\"");
  EXPECT_EQ(json("\U0001F600\U0010FFFF\U00010000"), R"("\uD83D\uDE00\uDBFF\uDFFF\uD800\uDC00")");
}

TEST(JsonString, bytes_that_are_no_utf8_are_latin1) {
  EXPECT_EQ(json("20 \xb0"
                 "C"),
            "\"20 \u00b0C\"");
  EXPECT_EQ(json("\xc3"), "\"\u00c3\"");                      // cut off behind its first byte
  EXPECT_EQ(json("\xed\xa0\x80"), "\"\u00ed\u00a0\u0080\"");  // a lone surrogate
  EXPECT_EQ(json("\xf0\x9f\x98"), "\"\u00f0\u009f\u0098\"");
}

TEST(JsonString, a_character_across_two_pieces_stays_whole) {
  const std::string filler(4095, 'x');
  EXPECT_EQ(json(filler + "\u00e9" + filler), "\"" + filler + "\u00e9" + filler + "\"");
  const std::string controls(9000, '\x01');
  EXPECT_EQ(json(controls).size(), 6 * controls.size() + 2);
}

}  // namespace
}  // namespace e2k::worker
