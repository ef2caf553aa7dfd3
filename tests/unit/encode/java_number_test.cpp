#include "worker/encode/java_number.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace e2k::worker {
namespace {

std::string java(double value) {
  char text[kJavaNumberBytes];
  return {text, write_java_double(text, value)};
}
std::string java_float(float value) {
  char text[kJavaNumberBytes];
  return {text, write_java_float(text, value)};
}

TEST(JavaNumber, whole_numbers_carry_one_fraction_digit) {
  EXPECT_EQ(java(0.0), "0.0");
  EXPECT_EQ(java(-0.0), "-0.0");
  EXPECT_EQ(java(1), "1.0");
  EXPECT_EQ(java(-42), "-42.0");
  EXPECT_EQ(java(9999999), "9999999.0");
  EXPECT_EQ(java_float(16777216.0f / 2), "8388608.0");
}

TEST(JavaNumber, plain_decimal_ends_at_a_thousandth_and_at_ten_million) {
  EXPECT_EQ(java(0.001), "0.001");
  EXPECT_EQ(java(0.0010000000000000002), "0.0010000000000000002");
  EXPECT_EQ(java(9.999E-4), "9.999E-4");
  EXPECT_EQ(java(9999999.999999998), "9999999.999999998");
  EXPECT_EQ(java(1e7), "1.0E7");
  EXPECT_EQ(java(-12345678.9), "-1.23456789E7");
  EXPECT_EQ(java_float(0.001f), "0.001");
  EXPECT_EQ(java_float(9.999E-4f), "9.999E-4");
  EXPECT_EQ(java_float(1e7f), "1.0E7");
}

TEST(JavaNumber, the_digits_are_the_fewest_that_read_back) {
  EXPECT_EQ(java(0.1), "0.1");
  EXPECT_EQ(java(2e23), "2.0E23");
  EXPECT_EQ(java(1e23), "1.0E23");
  EXPECT_EQ(java(1e21), "1.0E21");
  EXPECT_EQ(java(2e-3), "0.002");
  EXPECT_EQ(java(-2.2250738585072014E-308), "-2.2250738585072014E-308");
  EXPECT_EQ(java(std::numeric_limits<double>::max()), "1.7976931348623157E308");
  EXPECT_EQ(java_float(0.1f), "0.1");
  EXPECT_EQ(java_float(3.4E38f), "3.4E38");
  EXPECT_EQ(java_float(1.17549435E-38f), "1.1754944E-38");
  EXPECT_EQ(java_float(std::numeric_limits<float>::max()), "3.4028235E38");
}

TEST(JavaNumber, the_smallest_subnormals_show_two_digits) {
  const double least = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(java(least), "4.9E-324");
  EXPECT_EQ(java(-least), "-4.9E-324");
  EXPECT_EQ(java(2 * least), "9.9E-324");
  EXPECT_EQ(java(4 * least), "2.0E-323");
  const float least_float = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(java_float(least_float), "1.4E-45");
  EXPECT_EQ(java_float(2 * least_float), "2.8E-45");
}

TEST(JavaNumber, what_is_no_number_has_a_name) {
  EXPECT_EQ(java(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(java(-std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(java(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(java_float(-std::numeric_limits<float>::infinity()), "-Infinity");
}

}  // namespace
}  // namespace e2k::worker
