#include "supervisor/migrate/connect_file.h"

#include <gtest/gtest.h>

namespace e2k::supervisor::migrate {
namespace {

std::string value(const Result<ConnectFile>& file, std::string_view name) {
  const Option* option = file ? file->find(name) : nullptr;
  return option == nullptr ? "(none)" : option->value;
}

TEST(ConnectFile, PropertiesKnowTheirLines) {
  const auto file = read_connect_file("# c\na=1\nb=2\na=3\n", "/etc/connect/ca-source.properties");
  EXPECT_EQ(value(file, "a"), "3");
  EXPECT_EQ(file->find("a")->place, "ca-source.properties:4");
  EXPECT_EQ(file->options.size(), 2u);
}

TEST(ConnectFile, APostedConnectorHasItsNameBesideItsConfig) {
  const auto file =
      read_connect_file(R"( {"name":"x","config":{"a":"1","b":2,"c":true,"d":null}})", "x.json");
  EXPECT_EQ(value(file, "name"), "x");
  EXPECT_EQ(value(file, "a"), "1");
  EXPECT_EQ(value(file, "b"), "2");
  EXPECT_EQ(value(file, "c"), "true");
  EXPECT_EQ(value(file, "d"), "(none)");
  EXPECT_EQ(file->find("a")->place, "x.json");
}

TEST(ConnectFile, AConfigAloneIsReadToo) {
  EXPECT_EQ(value(read_connect_file("\xef\xbb\xbf{\"a\":\"1\"}", "x"), "a"), "1");
}

TEST(ConnectFile, WhatIsNoConfigIsNamed) {
  EXPECT_EQ(read_connect_file("{\"a\":", "dir/x.json").error().message, "dir/x.json: no valid JSON");
  EXPECT_FALSE(read_connect_file("[]", "x.json"));
  EXPECT_FALSE(read_connect_file(R"({"a":{"b":1}})", "x.json"));
  EXPECT_EQ(read_connect_file("a=\\uxyzw", "x").error().message.substr(0, 4), "x:1:");
}

}  // namespace
}  // namespace e2k::supervisor::migrate
