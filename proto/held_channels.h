// Pure. The channels whose waiting events a worker holds, as they pass between processes: eight bytes a
// channel, a hash of its name that is the same in every process, least significant byte first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace e2k {

// FNV-1a. Two names of one hash among as many as there are channels are not to be expected; it would hold one
// channel too many.
constexpr uint64_t channel_hash(std::string_view name) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

inline void add_held(std::string& held, std::string_view channel) {
  const uint64_t hash = channel_hash(channel);
  for (unsigned i = 0; i < 8; ++i) held += static_cast<char>(hash >> 8 * i & 0xff);
}

class HeldChannels {
public:
  HeldChannels() = default;
  explicit HeldChannels(std::string_view held) {
    for (; held.size() >= 8; held.remove_prefix(8)) {
      uint64_t hash = 0;
      for (unsigned i = 0; i < 8; ++i) hash |= uint64_t{static_cast<unsigned char>(held[i])} << 8 * i;
      hashes_.insert(hash);
    }
  }
  bool has(uint64_t hash) const { return !hashes_.empty() && hashes_.contains(hash); }

private:
  std::unordered_set<uint64_t> hashes_;
};

}  // namespace e2k
