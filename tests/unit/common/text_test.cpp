#include "common/text.h"

#include <gtest/gtest.h>

#include "common/hex.h"

namespace e2k {
namespace {

using namespace std::string_literals;

TEST(Hex, bytes_are_two_small_digits_each_and_back) {
  EXPECT_EQ(hex_of(std::string_view("\x00\x7f\xff\x0a", 4)), "007fff0a");
  EXPECT_EQ(byte_of_hex('F', 'f'), 0xff);
  EXPECT_EQ(byte_of_hex('0', 'A'), 10);
  EXPECT_FALSE(byte_of_hex('g', '0'));
  EXPECT_FALSE(byte_of_hex('0', '+'));
}

TEST(Text, well_formed_utf8_of_every_length_is_valid) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("channel1"));
  EXPECT_TRUE(is_valid_utf8("\u00b0C \u20ac \U0001F600 \U0010FFFF"));
  EXPECT_TRUE(is_valid_utf8("nul\0inside"s));
}

TEST(Text, overlong_forms_surrogates_and_stray_bytes_are_invalid) {
  for (const auto text : {"\xb0", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xc3", "\xf0\x9f\x98"})
    EXPECT_FALSE(is_valid_utf8(text)) << text;
}

TEST(Text, controls_are_c0_del_and_c1) {
  EXPECT_FALSE(has_control_characters("IOC:temp \u00b0C \u00a0"));
  EXPECT_TRUE(has_control_characters("a\nb"));
  EXPECT_TRUE(has_control_characters("a\0b"s));
  EXPECT_TRUE(has_control_characters("\x7f"));
  EXPECT_TRUE(has_control_characters("\u0085"));
}

TEST(Text, latin1_becomes_utf8_and_utf8_stays) {
  EXPECT_EQ(utf8_or_latin1("20 \xb0"
                           "C"),
            "20 \u00b0C");
  EXPECT_EQ(utf8_or_latin1("20 \u00b0C \xff"), "20 \u00b0C \u00ff");
  EXPECT_EQ(utf8_or_latin1("\xe2\x82"), "\u00e2\u0082");
}

TEST(Text, what_latin1_holds_becomes_one_byte_a_character) {
  EXPECT_EQ(latin1_or_utf8(""), "");
  EXPECT_EQ(latin1_or_utf8("IOC:x"), "IOC:x");
  EXPECT_EQ(latin1_or_utf8("\u00b5A:\u00e9"),
            "\xb5"
            "A:\xe9");
  std::string all, bytes;
  for (int byte = 0; byte < 256; ++byte) {
    bytes.push_back(static_cast<char>(byte));
    all += utf8_or_latin1(bytes.substr(bytes.size() - 1));
  }
  EXPECT_EQ(latin1_or_utf8(all), bytes);
}

TEST(Text, what_latin1_does_not_hold_stays_utf8_as_a_whole) {
  for (const std::string text :
       {"\u0100", "\u00b5 \u03bc", "20 \u20ac \u00e9", "\u00b0 \U0001F600", "\xb5", "\u00b5\xe2"})
    EXPECT_EQ(latin1_or_utf8(text), text);
}

TEST(Text, a_character_cut_at_any_place_of_the_end_is_left_out) {
  // The narrow ones among them stand at the edges of what may follow their first byte.
  for (const std::string character :
       {"\u00b0", "\u07ff", "\u0800", "\u20ac", "\ud7ff", "\uffff", "\U00010000", "\U0001F600", "\U0010FFFF"})
    for (const std::string before : {"", "plain", "\u00b0C"}) {
      EXPECT_EQ(without_cut_character(before + character), before + character);
      for (size_t kept = 1; kept < character.size(); ++kept)
        EXPECT_EQ(without_cut_character(before + character.substr(0, kept)), before) << character << kept;
    }
}

TEST(Text, what_is_not_utf8_but_for_a_cut_stays_as_it_is) {
  for (const std::string text :
       {"20 \xb0",                                       // a continuation that follows nothing
        "na\xefve caf\xe9",                              // Latin-1 before the end, too
        "20 \u00b0 \xff \xe2",                           // likewise
        "\xc0", "\xc1", "\xf5", "\xff",                  // begin no character
        "\xe0\x80", "\xed\xa0", "\xf0\x8f", "\xf4\x90",  // overlong, a surrogate, beyond U+10FFFF
        "\xf0\x9f\x98\x80\x80", "\x80\x80\x80\x80", "\xc3\xa9\xa9"})
    EXPECT_EQ(without_cut_character(text), text);
}

TEST(Text, latin1_that_ends_in_what_may_begin_a_character_is_taken_for_a_cut) {
  EXPECT_EQ(without_cut_character("caf\xe9"), "caf");
}

TEST(Text, percent_coding_gives_back_any_bytes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  std::string back;
  ASSERT_TRUE(percent_decode(percent_encode(all), back));
  EXPECT_EQ(back, all);
  EXPECT_EQ(percent_encode("a/b:c d~"), "a%2Fb%3Ac%20d~");
}

TEST(Text, bad_percent_escapes_are_refused) {
  std::string out;
  for (const auto in : {"%", "%4", "%4g", "%g4", "a%"}) EXPECT_FALSE(percent_decode(in, out)) << in;
  ASSERT_TRUE(percent_decode("%2f%2F+", out));
  EXPECT_EQ(out, "//+");
}

TEST(Text, stamps_are_iso_8601_with_nanoseconds_also_before_1970) {
  EXPECT_EQ(iso8601_utc(1'795'482'123'123'456'789), "2026-11-24T01:02:03.123456789Z");
  EXPECT_EQ(iso8601_utc(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(iso8601_utc(-1), "1969-12-31T23:59:59.999999999Z");
}

}  // namespace
}  // namespace e2k
