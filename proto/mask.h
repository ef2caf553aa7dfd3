// Pure. The event mask of a monitor, with Channel Access's own bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace e2k {

// Bits as in caeventmask.h (DBE_VALUE, DBE_LOG, DBE_ALARM, DBE_PROPERTY). Never empty in a valid entry: an
// IOC drops the whole circuit on a mask of 0.
struct Mask {
  static constexpr uint8_t kValue = 1, kLog = 2, kAlarm = 4, kProperty = 8;
  uint8_t bits = 0;
  friend constexpr bool operator==(Mask, Mask) = default;
};

// "va", "lp", …: the letters v, a, l, p, each at most once, in any order, at least one. Nothing else.
std::optional<Mask> parse_mask(std::string_view letters);
// In the order v a l p.
std::string to_letters(Mask mask);

}  // namespace e2k
