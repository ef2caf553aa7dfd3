#include "proto/mask.h"

namespace e2k {
namespace {

struct Letter {
  char letter;
  uint8_t bit;
};
constexpr Letter kLetters[] = {
    {'v', Mask::kValue}, {'a', Mask::kAlarm}, {'l', Mask::kLog}, {'p', Mask::kProperty}};

}  // namespace

std::optional<Mask> parse_mask(std::string_view letters) {
  Mask mask;
  for (char c : letters) {
    uint8_t bit = 0;
    for (const Letter& known : kLetters)
      if (known.letter == c) bit = known.bit;
    if (bit == 0 || (mask.bits & bit) != 0) return std::nullopt;
    mask.bits = static_cast<uint8_t>(mask.bits | bit);
  }
  if (mask.bits == 0) return std::nullopt;
  return mask;
}

std::string to_letters(Mask mask) {
  std::string letters;
  for (const Letter& known : kLetters)
    if ((mask.bits & known.bit) != 0) letters += known.letter;
  return letters;
}

}  // namespace e2k
