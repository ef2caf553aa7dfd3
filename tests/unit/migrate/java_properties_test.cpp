#include "supervisor/migrate/java_properties.h"

#include <gtest/gtest.h>

#include <utility>

namespace e2k::supervisor::migrate {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs(std::string_view text) {
  const auto properties = read_java_properties(text);
  EXPECT_TRUE(properties) << properties.error().message;
  Pairs all;
  if (properties)
    for (const JavaProperty& one : *properties) all.emplace_back(one.name, one.value);
  return all;
}

TEST(JavaProperties, NamesEndAtAnEqualsSignAColonOrABlank) {
  EXPECT_EQ(pairs("a=1\nb:2\nc 3\nd = 4\ne : 5\nf\t=\t6\n"),
            (Pairs{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}, {"f", "6"}}));
}

TEST(JavaProperties, OnlyOneSeparatorBelongsToTheLine) {
  EXPECT_EQ(pairs("a = = 1\nb:=2\nc==3\n"), (Pairs{{"a", "= 1"}, {"b", "=2"}, {"c", "=3"}}));
}

TEST(JavaProperties, ALineWithoutAValueHasAnEmptyOne) {
  EXPECT_EQ(pairs("a\nb=\nc:   "), (Pairs{{"a", ""}, {"b", ""}, {"c", ""}}));
}

TEST(JavaProperties, CommentsAndEmptyLinesDoNotCount) {
  EXPECT_EQ(pairs("# a=1\n  ! b=2\n\n \t\f\nc=3 # no comment\n"), (Pairs{{"c", "3 # no comment"}}));
}

TEST(JavaProperties, ACommentDoesNotGoOnInTheNextLine) {
  EXPECT_EQ(pairs("# a \\\nb=1\n"), (Pairs{{"b", "1"}}));
}

TEST(JavaProperties, LinesGoOnBehindABackslashWithoutTheLeadingBlanks) {
  EXPECT_EQ(pairs("a=1,\\\n   2,\\\r\n\t3\nb=4\n"), (Pairs{{"a", "1,2,3"}, {"b", "4"}}));
  EXPECT_EQ(pairs("a=1\\\n# no comment\n"), (Pairs{{"a", "1# no comment"}}));
}

TEST(JavaProperties, ABackslashAloneBeginsNothing) {
  EXPECT_EQ(pairs("\\\n# a=1\nb=2\n\\\n\nc=3\n\\\n  d=4\n"), (Pairs{{"b", "2"}, {"c", "3"}, {"d", "4"}}));
}

TEST(JavaProperties, AnEvenNumberOfBackslashesEndsALine) {
  EXPECT_EQ(pairs("a=1\\\\\nb=2\\\\\\\n3"), (Pairs{{"a", "1\\"}, {"b", "2\\3"}}));
}

TEST(JavaProperties, AnEmptyLineEndsAContinuation) {
  EXPECT_EQ(pairs("a=1\\\n\nb=2\n"), (Pairs{{"a", "1"}, {"b", "2"}}));
}

TEST(JavaProperties, ABackslashAtTheEndOfTheFileFallsAway) {
  EXPECT_EQ(pairs("a=1\\"), (Pairs{{"a", "1"}}));
}

TEST(JavaProperties, EscapesAreReadInNamesAndValues) {
  EXPECT_EQ(pairs("a\\ b\\=c=\\ x\\ty\\nz\\q\\:\n"), (Pairs{{"a b=c", " x\ty\nzq:"}}));
  EXPECT_EQ(pairs("k\\u00e4se=\\u03bcm \\uD83D\\uDE00 \\ud83d"), (Pairs{{"käse", "μm 😀 \ufffd"}}));
}

TEST(JavaProperties, BytesAreLatin1) {
  EXPECT_EQ(pairs("a=\xe9"), (Pairs{{"a", "é"}}));
}

TEST(JavaProperties, BlanksAtTheEndBelongToTheValue) {
  EXPECT_EQ(pairs("a=1  \n"), (Pairs{{"a", "1  "}}));
}

TEST(JavaProperties, EveryLineEndCounts) {
  const auto properties = read_java_properties("a=1\r\nb=2\rc=3\n\nd=4\\\n5\ne=6");
  ASSERT_TRUE(properties);
  std::vector<size_t> lines;
  for (const JavaProperty& one : *properties) lines.push_back(one.line);
  EXPECT_EQ(lines, (std::vector<size_t>{1, 2, 3, 5, 7}));
}

TEST(JavaProperties, AMalformedEscapeIsNamedByItsLine) {
  const auto properties = read_java_properties("a=1\nb=\\u12g4\n");
  ASSERT_FALSE(properties);
  EXPECT_EQ(properties.error().message, "2: a \\u is not followed by four hexadecimal digits");
  EXPECT_FALSE(read_java_properties("a=\\u12"));
}

}  // namespace
}  // namespace e2k::supervisor::migrate
