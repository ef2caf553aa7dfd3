// Pure. SHA-256, for telling whether two texts are the same without keeping them.
#pragma once

#include <string>
#include <string_view>

namespace e2k {

// 64 hex digits; "" where the library has no such digest.
std::string sha256_hex(std::string_view bytes);

}  // namespace e2k
