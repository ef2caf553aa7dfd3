// Pure. The small pieces that the binary formats are made of: Confluent's header, varints, big-endian
// numbers, text that is certainly UTF-8.
//
// Each writes at `out`, which has room, and returns the end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "common/text.h"
#include "worker/encode/encoder.h"

namespace e2k::worker::wire {

inline constexpr size_t kHeaderBytes = 5;
inline constexpr size_t kVarintBytes = 10;  // of 64 bits

template <class T>
T big_endian(T value) {
  static_assert(std::endian::native == std::endian::little);
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 1) return value;
}

template <class T>
char* put(char* out, T value) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}
template <class T>
char* put_big_endian(char* out, T value) {
  return put(out, big_endian(value));
}
inline char* put_text(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// A zero byte and the schema's id: the head of every record whose schema a registry holds.
inline char* put_header(char* out, int32_t schema_id) {
  *out++ = 0;
  return put_big_endian(out, static_cast<uint32_t>(schema_id));
}

inline char* put_varint(char* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}
inline size_t varint_bytes(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}
inline uint64_t zigzag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
inline char* put_zigzag(char* out, int64_t value) {
  return put_varint(out, zigzag(value));
}

// `text` if it is UTF-8, else its Latin-1 bytes as UTF-8, kept in `scratch`.
inline std::string_view as_utf8(std::string_view text, std::string& scratch) {
  if (is_valid_utf8(text)) return text;
  scratch = utf8_or_latin1(text);
  return scratch;
}
// The most that as_utf8 makes of that many bytes.
constexpr size_t utf8_bytes_at_most(size_t bytes) {
  return 2 * bytes;
}

// A STRING element up to its first NUL. One that fills its place may have been cut by its IOC within a
// character (39 bytes and a NUL; some servers send 40 bytes): that character is left out.
inline std::string_view string_element(const std::byte* element) {
  const auto* text = reinterpret_cast<const char*>(element);
  const size_t bytes = strnlen(text, kDbrStringBytes);
  const std::string_view whole(text, bytes);
  return bytes + 1 < kDbrStringBytes ? whole : without_cut_character(whole);
}

}  // namespace e2k::worker::wire
