// Pure. What somebody may have meant by a word that is not known.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace e2k::config {

// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
size_t edit_distance(std::string_view a, std::string_view b);

// The known word that is nearest to `word`, unless even that is too far off (over a third of its letters).
template <class Words>
std::optional<std::string> nearest_spelling(std::string_view word, const Words& known) {
  std::optional<std::string> nearest;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const auto& candidate : known) {
    const std::string_view text(candidate);
    const size_t apart = text.size() > word.size() ? text.size() - word.size() : word.size() - text.size();
    if (apart >= least) continue;
    const size_t distance = edit_distance(word, text);
    if (distance >= least) continue;
    least = distance;
    nearest = std::string(text);
  }
  return nearest;
}

// " (did you mean …?)", or nothing.
template <class Words>
std::string suggestion(std::string_view word, const Words& known) {
  // Foreign words can be long; nothing that is known is.
  if (word.size() > 100) return "";
  const auto nearest = nearest_spelling(word, known);
  return nearest ? " (did you mean " + *nearest + "?)" : "";
}

}  // namespace e2k::config
