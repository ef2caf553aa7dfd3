#include "proto/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace e2k {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables t{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) != 0 ? kPolynomial : 0);
    t[0][i] = c;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t i = 0; i < 256; ++i) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xff];
  }
  return t;
}
constexpr Tables kTables = make_tables();

uint64_t word_at(const unsigned char* p) {
  uint64_t w;
  std::memcpy(&w, p, sizeof w);
  return w;
}

}  // namespace

uint32_t crc32c_tables(uint32_t crc, const void* data, size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  uint32_t c = ~crc;
  if constexpr (std::endian::native == std::endian::little) {
    for (; bytes >= 8; bytes -= 8, p += 8) {
      uint64_t w = word_at(p) ^ c;
      c = 0;
      for (size_t k = 0; k < 8; ++k) c ^= kTables[7 - k][(w >> (8 * k)) & 0xff];
    }
  }
  for (; bytes != 0; --bytes, ++p) c = (c >> 8) ^ kTables[0][(c ^ *p) & 0xff];
  return ~c;
}

#if defined(__x86_64__)

bool crc32c_has_hardware() {
  return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2"))) uint32_t crc32c_hardware(uint32_t crc, const void* data, size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  uint64_t c = static_cast<uint32_t>(~crc);
  for (; bytes >= 8; bytes -= 8, p += 8) c = _mm_crc32_u64(c, word_at(p));
  auto c32 = static_cast<uint32_t>(c);
  for (; bytes != 0; --bytes, ++p) c32 = _mm_crc32_u8(c32, *p);
  return ~c32;
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

bool crc32c_has_hardware() {
  return true;
}

uint32_t crc32c_hardware(uint32_t crc, const void* data, size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  uint32_t c = ~crc;
  for (; bytes >= 8; bytes -= 8, p += 8) c = __crc32cd(c, word_at(p));
  for (; bytes != 0; --bytes, ++p) c = __crc32cb(c, *p);
  return ~c;
}

#else

bool crc32c_has_hardware() {
  return false;
}

uint32_t crc32c_hardware(uint32_t crc, const void* data, size_t bytes) {
  return crc32c_tables(crc, data, bytes);
}

#endif

uint32_t crc32c(uint32_t crc, const void* data, size_t bytes) {
  return crc32c_has_hardware() ? crc32c_hardware(crc, data, bytes) : crc32c_tables(crc, data, bytes);
}

}  // namespace e2k
