#include "worker/ca/search/address_list.h"

#include <gtest/gtest.h>

namespace e2k::worker::search {
namespace {

TEST(AddressList, numbers_names_and_ports) {
  std::vector<std::string> bad;
  const auto list = parse_address_list("  10.0.0.255 ioc7:5066\tioc-8.site 127.0.0.1:1 ", 5064, bad);
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0], (ListedAddress{"10.0.0.255", 5064, 0x0a0000ff}));
  EXPECT_EQ(list[1], (ListedAddress{"ioc7", 5066, std::nullopt}));
  EXPECT_EQ(list[2], (ListedAddress{"ioc-8.site", 5064, std::nullopt}));
  EXPECT_EQ(list[3], (ListedAddress{"127.0.0.1", 1, 0x7f000001}));
  EXPECT_TRUE(bad.empty());
}

TEST(AddressList, words_that_are_no_addresses_are_told) {
  std::vector<std::string> bad;
  EXPECT_TRUE(parse_address_list(":5064 ioc:0 ioc:99999 ioc:port ioc:", 5064, bad).empty());
  EXPECT_EQ(bad.size(), 5u);
}

TEST(AddressList, what_only_looks_like_a_number_is_a_name) {
  std::vector<std::string> bad;
  for (const char* word : {"10.0.0", "10.0.0.256", "10.0.0.1.2", "1"}) {
    const auto list = parse_address_list(word, 5064, bad);
    ASSERT_EQ(list.size(), 1u) << word;
    EXPECT_FALSE(list[0].ip) << word;
  }
}

TEST(AddressList, nothing_is_nothing) {
  std::vector<std::string> bad;
  EXPECT_TRUE(parse_address_list("", 5064, bad).empty());
  EXPECT_TRUE(parse_address_list(" \t ", 5064, bad).empty());
}

}  // namespace
}  // namespace e2k::worker::search
