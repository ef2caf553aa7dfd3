// Whether a message holds what it says.
#include <gtest/gtest.h>

#include <string>

#include "worker/ca/payload.h"

namespace e2k::worker::ca {
namespace {

bool fits(uint32_t type, uint64_t count, uint64_t payload_bytes) {
  return fits_payload(type, count, std::string(payload_bytes, 'x').c_str(), payload_bytes);
}

TEST(Payload, as_many_doubles_as_are_said_stand_in_it_and_not_one_more) {
  EXPECT_TRUE(fits(DBR_TIME_DOUBLE, 1, 24));
  EXPECT_TRUE(fits(DBR_TIME_DOUBLE, 3, 40));
  EXPECT_FALSE(fits(DBR_TIME_DOUBLE, 4, 40));
  EXPECT_FALSE(fits(DBR_TIME_DOUBLE, 100'000, 24));
  EXPECT_FALSE(fits(DBR_TIME_DOUBLE, 0xffff'ffff, 24));
}

TEST(Payload, an_array_without_elements_is_its_head) {
  EXPECT_TRUE(fits(DBR_TIME_DOUBLE, 0, 16));
  EXPECT_TRUE(fits(DBR_TIME_SHORT, 0, 14));
  EXPECT_FALSE(fits(DBR_TIME_DOUBLE, 0, 8));
}

TEST(Payload, elements_that_are_padded_to_eight_bytes_fit) {
  EXPECT_TRUE(fits(DBR_TIME_CHAR, 3, 24));
  EXPECT_FALSE(fits(DBR_TIME_CHAR, 10, 24));
}

TEST(Payload, a_lone_string_may_be_cut_behind_its_end) {
  std::string text(16, '\0');
  text.replace(12, 3, "abc");
  EXPECT_TRUE(fits_payload(DBR_TIME_STRING, 1, text.data(), text.size()));
  EXPECT_FALSE(fits_payload(DBR_TIME_STRING, 1, std::string(16, 'x').data(), 16));
  EXPECT_FALSE(fits_payload(DBR_TIME_STRING, 1, text.data(), 12));
  EXPECT_FALSE(fits_payload(DBR_TIME_STRING, 2, text.data(), text.size()));
}

TEST(Payload, what_is_no_type_is_left_to_libca) {
  EXPECT_TRUE(fits(200, 1000, 8));
}

}  // namespace
}  // namespace e2k::worker::ca
