#include "proto/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace e2k {
namespace {

// RFC 3720, appendix B.4, and the check value of the polynomial.
TEST(Crc32c, known_vectors_come_out) {
  EXPECT_EQ(crc32c(0, "123456789", 9), 0xe3069283u);
  const std::string zeros(32, '\0'), ones(32, '\xff');
  EXPECT_EQ(crc32c(0, zeros.data(), 32), 0x8a9136aau);
  EXPECT_EQ(crc32c(0, ones.data(), 32), 0x62a8ab43u);
  EXPECT_EQ(crc32c_tables(0, "123456789", 9), 0xe3069283u);
  EXPECT_EQ(crc32c_tables(0, zeros.data(), 32), 0x8a9136aau);
}

TEST(Crc32c, tables_and_hardware_agree_on_every_length_and_alignment) {
  if (!crc32c_has_hardware()) GTEST_SKIP() << "no instruction for it here";
  std::mt19937 random(7);
  std::vector<unsigned char> bytes(300);
  for (auto& b : bytes) b = static_cast<unsigned char>(random());
  for (size_t from = 0; from < 8; ++from)
    for (size_t n = 0; n < 280; ++n)
      ASSERT_EQ(crc32c_tables(n * 77 & 0xffffffff, bytes.data() + from, n),
                crc32c_hardware(n * 77 & 0xffffffff, bytes.data() + from, n));
}

TEST(Crc32c, pieces_continue_each_other) {
  EXPECT_EQ(crc32c(crc32c(0, "1234", 4), "56789", 5), crc32c(0, "123456789", 9));
}

}  // namespace
}  // namespace e2k
