// Pure. Small questions about foreign text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace e2k {

// Bytes of the well-formed UTF-8 character that `text` begins with; 0 where it begins with none.
size_t utf8_character_bytes(std::string_view text);
bool is_valid_utf8(std::string_view text);
// Any byte below 0x20, or 0x7f, or a C1 control (U+0080..U+009F).
bool has_control_characters(std::string_view text);
// Invalid bytes are taken for Latin-1 (what IOC strings hold where they are not UTF-8) and written as UTF-8.
std::string utf8_or_latin1(std::string_view text);
// The way back, for text that was Latin-1: each of U+0080..U+00FF becomes one byte. Text with any other
// character, or that is not UTF-8, is returned as it is.
std::string latin1_or_utf8(std::string_view utf8);
// `text` without the beginning of a character at its end, where a cut there is its only fault as UTF-8; any
// other text as it is. In Latin-1 such an end can be a letter of its own (U+00C2..U+00F4 behind plain ASCII):
// it is taken for a cut all the same, so this is for texts only that are as long as their place allows.
std::string_view without_cut_character(std::string_view text);
// Percent-decoding of a URL path segment; false on a bad escape. Encoding leaves only letters, digits and
// -._~ as they are.
bool percent_decode(std::string_view in, std::string& out);
std::string percent_encode(std::string_view in);
// ASCII letters in lower case, all else as it is.
constexpr char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}
std::string lower(std::string_view text);
// "2026-11-24T01:02:03.123456789Z"
std::string iso8601_utc(int64_t unix_ns);

}  // namespace e2k
