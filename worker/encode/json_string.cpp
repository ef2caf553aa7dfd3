#include "worker/encode/json_string.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/hex.h"
#include "common/text.h"

namespace e2k::worker {
namespace {

// A control character of one byte becomes six.
constexpr size_t kMostBytesPerByte = 6;
// Input taken at a time, so that a long text does not reserve six times its length at once.
constexpr size_t kPieceBytes = 4096;

// 0: copied as it is; 1: begins something that is no ASCII; 'u': a control without a letter of its own; else
// the letter behind the backslash.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> table{};
  for (size_t byte = 0; byte < 0x20; ++byte) table[byte] = 'u';
  for (size_t byte = 0x80; byte < 0x100; ++byte) table[byte] = 1;
  table['"'] = '"';
  table['\\'] = '\\';
  table['\b'] = 'b';
  table['\t'] = 't';
  table['\n'] = 'n';
  table['\f'] = 'f';
  table['\r'] = 'r';
  return table;
}
constexpr std::array<char, 256> kEscapes = make_escapes();

char* put_u_escape(char* out, uint32_t unit) {
  *out++ = '\\';
  *out++ = 'u';
  for (int shift = 12; shift >= 0; shift -= 4) *out++ = kLargeHexDigits[unit >> shift & 0xf];
  return out;
}

uint32_t code_point_of_four(const uint8_t* in) {
  return uint32_t{in[0] & 0x07u} << 18 | uint32_t{in[1] & 0x3fu} << 12 | uint32_t{in[2] & 0x3fu} << 6 |
         uint32_t{in[3] & 0x3fu};
}

// Writes the character that begins `text` and takes it off.
char* put_non_ascii(char* out, std::string_view& text) {
  const auto* in = reinterpret_cast<const uint8_t*>(text.data());
  size_t bytes = utf8_character_bytes(text);
  if (bytes == 0) {
    *out++ = static_cast<char>(0xc0 | in[0] >> 6);
    *out++ = static_cast<char>(0x80 | (in[0] & 0x3f));
    bytes = 1;
  } else if (bytes < 4) {
    out = std::copy_n(text.data(), bytes, out);
  } else {
    const uint32_t beyond = code_point_of_four(in) - 0x10000;
    out = put_u_escape(out, 0xd800 + (beyond >> 10));
    out = put_u_escape(out, 0xdc00 + (beyond & 0x3ff));
  }
  text.remove_prefix(bytes);
  return out;
}

}  // namespace

void append_json_string(std::string_view text, Buffer& buffer) {
  buffer.append("\"");
  while (!text.empty()) {
    // A character of up to four bytes may begin at the end of a piece.
    char* out = buffer.reserve(kMostBytesPerByte * (std::min(text.size(), kPieceBytes) + 4));
    const char* const piece_end = text.data() + std::min(text.size(), kPieceBytes);
    while (text.data() < piece_end) {
      const char escape = kEscapes[static_cast<uint8_t>(text.front())];
      if (escape == 1) {
        out = put_non_ascii(out, text);
        continue;
      }
      if (escape == 0) {
        *out++ = text.front();
      } else if (escape == 'u') {
        out = put_u_escape(out, static_cast<uint8_t>(text.front()));
      } else {
        *out++ = '\\';
        *out++ = escape;
      }
      text.remove_prefix(1);
    }
    buffer.commit_to(out);
  }
  buffer.append("\"");
}

}  // namespace e2k::worker
