// Pure. One monitor event as libca hands it over, and what it is recognised by when it comes a second time:
// on another subscription, or of another process.
//
// Two events are the same where stamp, status, severity, type, count and every byte of the value are. All
// bytes go into the hash, also those of large arrays: 16 bytes a multiplication in four lanes, a sixth of
// what the copy into the spool and its checksum cost. A scalar costs two multiplications. Hashes are compared
// across processes of one machine; those of another release may differ, which repeats one event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace e2k::worker {

// `value` holds `count` native elements, as in dbr_time_*'s value.
struct CaEvent {
  uint8_t dbr_type;  // native DBR_* number
  int16_t status;
  int16_t severity;
  uint32_t stamp_seconds;  // since 1990
  uint32_t stamp_nanoseconds;
  uint32_t count;
  std::span<const std::byte> value;
};

struct EventIdentity {
  uint64_t stamp = 0;  // seconds since 1990 << 32 | nanoseconds
  uint64_t hash = 0;   // 0: not known
  // Not known is the same as nothing.
  bool is(const EventIdentity& other) const {
    return hash != 0 && hash == other.hash && stamp == other.stamp;
  }
  friend bool operator==(const EventIdentity&, const EventIdentity&) = default;
};

namespace identity {

// Odd, and without a pattern.
inline constexpr uint64_t kSeeds[] = {0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u,
                                      0x589965cc75374cc3u};

inline uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t word(const std::byte* from) {
  uint64_t w;
  std::memcpy(&w, from, sizeof w);
  return w;
}

inline uint64_t of_bytes(std::span<const std::byte> bytes, uint64_t h) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  if (left == 8) return fold(h ^ word(at), kSeeds[0]);
  if (left >= 64) {
    uint64_t a = h, b = h ^ kSeeds[1], c = h ^ kSeeds[2], d = h ^ kSeeds[3];
    for (; left >= 64; left -= 64, at += 64) {
      a = fold(word(at) ^ kSeeds[0], word(at + 8) ^ a);
      b = fold(word(at + 16) ^ kSeeds[1], word(at + 24) ^ b);
      c = fold(word(at + 32) ^ kSeeds[2], word(at + 40) ^ c);
      d = fold(word(at + 48) ^ kSeeds[3], word(at + 56) ^ d);
    }
    h = fold(a ^ kSeeds[1], b) ^ fold(c ^ kSeeds[3], d);
  }
  for (; left >= 8; left -= 8, at += 8) h = fold(h ^ word(at), kSeeds[0]);
  if (left == 0) return h;
  uint64_t rest = 0;
  std::memcpy(&rest, at, left);
  return fold(h ^ rest, kSeeds[2]);
}

}  // namespace identity

inline EventIdentity identity_of(const CaEvent& event) noexcept {
  const uint64_t head = uint64_t{static_cast<uint16_t>(event.status)} |
                        uint64_t{static_cast<uint16_t>(event.severity)} << 16 | uint64_t{event.count} << 32;
  const uint64_t begun = identity::fold(head ^ identity::kSeeds[1], identity::kSeeds[3] + event.dbr_type);
  const uint64_t hash = identity::of_bytes(event.value, begun);
  return {uint64_t{event.stamp_seconds} << 32 | event.stamp_nanoseconds, hash == 0 ? 1 : hash};
}

}  // namespace e2k::worker
