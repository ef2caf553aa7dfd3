#include "supervisor/status/meant_names.h"

#include <algorithm>

#include "common/config/spelling.h"
#include "common/text.h"

namespace e2k::supervisor {
namespace {

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}
size_t behind_digits(std::string_view text, size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// Each run of digits is as good as another.
bool are_alike_without_numbers(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      i = behind_digits(a, i);
      j = behind_digits(b, j);
    } else if (lower(a[i++]) != lower(b[j++])) {
      return false;
    }
  }
  return i == a.size() && j == b.size();
}

bool differ_in_case_alone(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

void MeantNames::look_for(const std::vector<std::string>& names) {
  std::vector<Sought> sought;
  for (const std::string& name : names) {
    const auto known = std::ranges::find(sought_, name, &Sought::name);
    if (known != sought_.end()) {
      sought.push_back(*known);
      ++sought.back().rounds;
    } else if (name.size() <= kLongestBytes) {
      const size_t most = std::clamp<size_t>(name.size() / 4, 1, 3);
      sought.push_back({.name = name, .letters = letters_of(name), .least = most + 1});
    }
  }
  sought_ = std::move(sought);
}

void MeantNames::see(std::string_view connected) {
  const auto is_due = [](const Sought& one) { return one.rounds < kRounds; };
  if (connected.size() > kLongestBytes || std::ranges::none_of(sought_, is_due)) return;
  const Letters letters = letters_of(connected);
  for (Sought& one : sought_) {
    // What costs little rules nearly all out.
    if (!is_due(one) || apart_at_least(one.letters, letters) >= one.least || comparisons_left_ == 0) continue;
    if (one.name == connected) continue;
    if (are_alike_without_numbers(one.name, connected) && !differ_in_case_alone(one.name, connected))
      continue;
    --comparisons_left_;
    const size_t distance = config::edit_distance(lower(one.name), lower(connected));
    if (distance >= one.least) continue;
    one.least = distance;
    one.nearest = connected;
  }
}

std::string MeantNames::meant_by(std::string_view name) const {
  const auto found = std::ranges::find(sought_, name, &Sought::name);
  return found == sought_.end() ? "" : found->nearest;
}

MeantNames::Letters MeantNames::letters_of(std::string_view name) {
  Letters letters{};
  for (const char letter : name) ++letters[static_cast<unsigned char>(lower(letter)) % letters.size()];
  return letters;
}

// An insertion or a deletion changes one count, a replacement two, a swap none.
size_t MeantNames::apart_at_least(const Letters& a, const Letters& b) {
  // A count is at most kLongestBytes, and so is a sum.
  uint8_t more = 0, less = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    more = static_cast<uint8_t>(more + (a[i] > b[i] ? a[i] - b[i] : 0));
    less = static_cast<uint8_t>(less + (b[i] > a[i] ? b[i] - a[i] : 0));
  }
  return std::max(more, less);
}

}  // namespace e2k::supervisor
