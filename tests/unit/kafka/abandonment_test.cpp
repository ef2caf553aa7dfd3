#include "common/kafka/abandonment.h"

#include <gtest/gtest.h>

namespace e2k::kafka {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
const char* const kBroker = "127.0.0.1:9092";

TEST(Abandonment, no_try_while_it_is_wanted) {
  Abandonment a;
  a.change(kBroker, true, 1 * kSecond);
  EXPECT_FALSE(a.is_so(true, 100 * kSecond)) << "connected";
  a.change(kBroker, false, 101 * kSecond);
  EXPECT_FALSE(a.is_so(true, 102 * kSecond));
  EXPECT_FALSE(a.is_so(true, 116 * kSecond));
  EXPECT_TRUE(a.is_so(true, 117 * kSecond));
}

TEST(Abandonment, brokers_that_are_down_are_tried) {
  Abandonment a;
  for (int64_t s = 1; s < 600; s += 10) {
    a.change(kBroker, false, s * kSecond);
    EXPECT_FALSE(a.is_so(true, (s + 9) * kSecond));
  }
}

TEST(Abandonment, one_that_was_idle_has_its_time) {
  Abandonment a;
  a.change(kBroker, false, 1 * kSecond);
  EXPECT_FALSE(a.is_so(false, 900 * kSecond));
  EXPECT_FALSE(a.is_so(true, 901 * kSecond));
  EXPECT_FALSE(a.is_so(true, 915 * kSecond));
  EXPECT_FALSE(a.is_so(false, 916 * kSecond));
  EXPECT_FALSE(a.is_so(true, 917 * kSecond));
  EXPECT_TRUE(a.is_so(true, 932 * kSecond));
}

TEST(Abandonment, one_open_connection_is_enough) {
  Abandonment a;
  a.change("broker 1", true, 1 * kSecond);
  a.change(kBroker, true, 1 * kSecond);
  a.change(kBroker, false, 2 * kSecond);
  EXPECT_FALSE(a.is_so(true, 3 * kSecond));
  EXPECT_FALSE(a.is_so(true, 900 * kSecond));
}

TEST(Abandonment, long_waits_are_waited_for) {
  Abandonment a;
  a.know_wait(60 * kSecond);
  a.know_wait(1 * kSecond);
  EXPECT_FALSE(a.is_so(true, 1 * kSecond));
  EXPECT_FALSE(a.is_so(true, 60 * kSecond));
  EXPECT_TRUE(a.is_so(true, 61 * kSecond));
}

}  // namespace
}  // namespace e2k::kafka
