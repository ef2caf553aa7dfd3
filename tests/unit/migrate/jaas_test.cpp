#include "supervisor/migrate/jaas.h"

#include <gtest/gtest.h>

namespace e2k::supervisor::migrate {
namespace {

TEST(Jaas, AModuleWithItsOptionsIsRead) {
  const auto entry = read_jaas(
      "org.apache.kafka.common.security.plain.PlainLoginModule required\n  username=\"bridge\" password='a "
      "b;=c';");
  ASSERT_TRUE(entry) << entry.error().message;
  EXPECT_EQ(entry->module, "org.apache.kafka.common.security.plain.PlainLoginModule");
  EXPECT_EQ(entry->options.at("username"), "bridge");
  EXPECT_EQ(entry->options.at("password"), "a b;=c");
}

TEST(Jaas, ABackslashTakesTheNextCharacterAsItIs) {
  const auto entry = read_jaas(R"(M required p="a\"b\\c" q = 1 ;)");
  ASSERT_TRUE(entry) << entry.error().message;
  EXPECT_EQ(entry->options.at("p"), "a\"b\\c");
  EXPECT_EQ(entry->options.at("q"), "1");
}

TEST(Jaas, AModuleNeedsNoOptions) {
  const auto entry = read_jaas("M required;");
  ASSERT_TRUE(entry) << entry.error().message;
  EXPECT_TRUE(entry->options.empty());
}

TEST(Jaas, WhatIsNoLoginIsRefused) {
  for (const char* text :
       {"", ";", "M;", "M required", "M required user;", "M required user=;", "M required a=\"b;",
        "M required a=b; N required;", "M required = b;", "M required a b c;"})
    EXPECT_FALSE(read_jaas(text)) << text;
}

}  // namespace
}  // namespace e2k::supervisor::migrate
