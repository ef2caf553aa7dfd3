#include "common/hex.h"

namespace e2k {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void append_hex(std::string& out, uint8_t byte) {
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 15];
}

std::string hex_of(std::string_view bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) append_hex(out, static_cast<uint8_t>(c));
  return out;
}

std::optional<uint8_t> byte_of_hex(char high, char low) {
  const int a = digit(high), b = digit(low);
  if (a < 0 || b < 0) return std::nullopt;
  return static_cast<uint8_t>(a << 4 | b);
}

}  // namespace e2k
