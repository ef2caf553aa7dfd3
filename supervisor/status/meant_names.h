// Pure. What may have been meant by names that nobody answers for: the nearest of the names that are
// connected, within a quarter of the letters.
//
// Names that differ in nothing but their digits are another device's, not misspelt. Connected names are shown
// to it as somebody goes through them; whatever their number, a slice costs kComparisons distances at most. A
// name is looked for during kRounds rounds, then it stays at what was found.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace e2k::supervisor {

class MeantNames {
public:
  static constexpr size_t kComparisons = 300, kLongestBytes = 100;
  static constexpr int kRounds = 10;

  // From now on, a round for each call; what is known of names that are no longer among them is forgotten.
  void look_for(const std::vector<std::string>& names);
  void begin_slice() { comparisons_left_ = kComparisons; }
  void see(std::string_view connected);
  // "": none is near.
  std::string meant_by(std::string_view name) const;

private:
  using Letters = std::array<uint8_t, 64>;  // how often each is there; some share a place
  struct Sought {
    std::string name;
    Letters letters{};
    std::string nearest = {};
    size_t least = 0;  // only what is nearer is news
    int rounds = 0;
  };
  static Letters letters_of(std::string_view name);
  static size_t apart_at_least(const Letters& a, const Letters& b);

  std::vector<Sought> sought_;
  size_t comparisons_left_ = kComparisons;
};

}  // namespace e2k::supervisor
