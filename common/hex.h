// Pure. Bytes as hexadecimal digits, two a byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace e2k {

inline constexpr char kHexDigits[] = "0123456789abcdef", kLargeHexDigits[] = "0123456789ABCDEF";

// Small letters.
void append_hex(std::string& out, uint8_t byte);
std::string hex_of(std::string_view bytes);
// Of digits in small or large letters; nothing where one is none.
std::optional<uint8_t> byte_of_hex(char high, char low);

}  // namespace e2k
