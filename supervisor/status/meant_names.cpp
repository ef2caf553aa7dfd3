#include "supervisor/status/meant_names.h"

#include <algorithm>
#include <cctype>

#include "common/config/spelling.h"

namespace e2k::supervisor {
namespace {

char lowered(char letter) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}
std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lowered);
  return out;
}

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}
// Each run of digits is one '#'.
std::string without_numbers(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (!is_digit(letter))
      out += lowered(letter);
    else if (out.empty() || out.back() != '#')
      out += '#';
  }
  return out;
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
    if (differ_in_digits_alone(one.name, connected)) continue;
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
  for (const char letter : name) ++letters[static_cast<unsigned char>(lowered(letter)) % letters.size()];
  return letters;
}

// An insertion or a deletion changes one count, a replacement two, a swap none.
size_t MeantNames::apart_at_least(const Letters& a, const Letters& b) {
  size_t more = 0, less = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    more += a[i] > b[i] ? static_cast<size_t>(a[i] - b[i]) : 0;
    less += b[i] > a[i] ? static_cast<size_t>(b[i] - a[i]) : 0;
  }
  return std::max(more, less);
}

bool MeantNames::differ_in_digits_alone(std::string_view a, std::string_view b) {
  return without_numbers(a) == without_numbers(b) && lower(a) != lower(b);
}

}  // namespace e2k::supervisor
