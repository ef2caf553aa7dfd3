#include "common/text.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "common/clock.h"
#include "common/hex.h"

namespace e2k {
namespace {

uint8_t byte_at(std::string_view text, size_t i) {
  return static_cast<uint8_t>(text[i]);
}

bool is_continuation(uint8_t byte) {
  return (byte & 0xc0) == 0x80;
}

// Whether some well-formed character of more bytes begins with these one to three.
bool begins_a_longer_character(std::string_view text) {
  // Every second byte that is allowed behind a first one has the lowest or the highest continuation with it.
  for (const char filling : {'\x80', '\xbf'}) {
    std::array<char, 4> whole;
    whole.fill(filling);
    std::copy(text.begin(), text.end(), whole.begin());
    if (utf8_character_bytes({whole.data(), whole.size()}) > text.size()) return true;
  }
  return false;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

size_t utf8_character_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const uint8_t first = byte_at(text, 0);
  if (first < 0x80) return 1;
  if (text.size() < 2) return 0;
  const uint8_t second = byte_at(text, 1);
  if (first >= 0xc2 && first <= 0xdf) return is_continuation(second) ? 2 : 0;
  if (text.size() < 3) return 0;
  const bool third_follows = is_continuation(byte_at(text, 2));
  if (first >= 0xe0 && first <= 0xef) {
    // The second byte's range leaves out overlong forms (E0) and surrogates (ED).
    const uint8_t low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && third_follows ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4 && text.size() >= 4) {
    // … overlong forms (F0) and what lies beyond U+10FFFF (F4).
    const uint8_t low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high && third_follows && is_continuation(byte_at(text, 3)) ? 4 : 0;
  }
  return 0;
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = utf8_character_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

bool has_control_characters(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t byte = byte_at(text, i);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && byte_at(text, i + 1) >= 0x80 && byte_at(text, i + 1) <= 0x9f)
      return true;
  }
  return false;
}

std::string utf8_or_latin1(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t bytes = utf8_character_bytes(text);
    if (bytes > 0) {
      out.append(text.substr(0, bytes));
      text.remove_prefix(bytes);
      continue;
    }
    const uint8_t latin1 = byte_at(text, 0);
    out.push_back(static_cast<char>(0xc0 | latin1 >> 6));
    out.push_back(static_cast<char>(0x80 | (latin1 & 0x3f)));
    text.remove_prefix(1);
  }
  return out;
}

std::string latin1_or_utf8(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (std::string_view rest = utf8; !rest.empty();) {
    const size_t bytes = utf8_character_bytes(rest);
    const uint8_t first = byte_at(rest, 0);
    // U+00FF is C3 BF.
    if (bytes == 0 || first > 0xc3) return std::string(utf8);
    out.push_back(bytes == 1 ? rest[0] : static_cast<char>((first & 0x03) << 6 | (byte_at(rest, 1) & 0x3f)));
    rest.remove_prefix(bytes);
  }
  return out;
}

std::string_view without_cut_character(std::string_view text) {
  for (size_t cut = 1; cut <= 3 && cut <= text.size(); ++cut) {
    const std::string_view rest = text.substr(0, text.size() - cut), end = text.substr(rest.size());
    if (is_continuation(byte_at(end, 0))) continue;
    return begins_a_longer_character(end) && is_valid_utf8(rest) ? rest : text;
  }
  return text;
}

bool percent_decode(std::string_view in, std::string& out) {
  out.clear();
  out.reserve(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '%') {
      out.push_back(in[i]);
      continue;
    }
    if (in.size() - i < 3) return false;
    const auto byte = byte_of_hex(in[i + 1], in[i + 2]);
    if (!byte) return false;
    out.push_back(static_cast<char>(*byte));
    i += 2;
  }
  return true;
}

std::string percent_encode(std::string_view in) {
  std::string out;
  out.reserve(in.size());
  for (const char c : in) {
    if (is_unreserved(c))
      out.push_back(c);
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<uint8_t>(c));
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& letter : out) letter = lower(letter);
  return out;
}

std::string iso8601_utc(int64_t unix_ns) {
  int64_t seconds = unix_ns / kNsPerSecond, nanoseconds = unix_ns % kNsPerSecond;
  if (nanoseconds < 0) {
    nanoseconds += kNsPerSecond;
    --seconds;
  }
  const time_t whole = seconds;
  tm t{};
  gmtime_r(&whole, &t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                     t.tm_hour, t.tm_min, t.tm_sec, nanoseconds);
}

}  // namespace e2k
