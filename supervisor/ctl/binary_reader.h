// Pure. Numbers and texts taken off the front of foreign bytes; what runs past their end is nothing, once and
// for all.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace e2k::supervisor::ctl {

class BinaryReader {
public:
  explicit BinaryReader(std::string_view bytes) : rest_(bytes) {}

  size_t left() const { return rest_.size(); }

  std::optional<std::string_view> text(uint64_t bytes) {
    if (bytes > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::optional<uint64_t> varint() {
    constexpr unsigned kBits = 64, kBitsAByte = 7;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < kBits; shift += kBitsAByte) {
      const auto byte = text(1);
      if (!byte) return std::nullopt;
      const auto part = static_cast<uint8_t>((*byte)[0]);
      value |= static_cast<uint64_t>(part & 0x7f) << shift;
      if ((part & 0x80) == 0) return value;
    }
    return std::nullopt;
  }

  std::optional<int64_t> zigzag() {
    const auto value = varint();
    if (!value) return std::nullopt;
    return static_cast<int64_t>(*value >> 1 ^ (~(*value & 1) + 1));
  }

  // Little-endian, as it lies in memory.
  template <class Number>
  std::optional<Number> number() {
    const auto bytes = text(sizeof(Number));
    if (!bytes) return std::nullopt;
    Number value;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value;
  }

private:
  std::string_view rest_;
};

}  // namespace e2k::supervisor::ctl
