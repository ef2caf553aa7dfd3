// Pure. The text of the record that tells of an entry's lost events, `Lost N events`, and the number in it:
// who loses such a record tells of all of them anew.
#pragma once

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace e2k::spool {

using LostNotice = std::array<char, 32>;

inline std::string_view write_lost_notice(uint32_t events, LostNotice& text) {
  return {text.data(), fmt::format_to_n(text.data(), text.size(), "Lost {} events", events).size};
}

// 0: the text is no such notice.
inline uint32_t events_of_notice(std::string_view text) {
  constexpr std::string_view before = "Lost ", after = " events";
  if (!text.starts_with(before) || !text.ends_with(after) || text.size() <= before.size() + after.size())
    return 0;
  text.remove_prefix(before.size());
  text.remove_suffix(after.size());
  uint32_t events = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), events);
  return error == std::errc{} && end == text.data() + text.size() ? events : 0;
}

}  // namespace e2k::spool
