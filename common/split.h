// Pure. Text without the white space around it, and addresses taken apart.
#pragma once

#include <string_view>

namespace e2k {

inline std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n") {
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

struct HostPort {
  std::string_view host;  // brackets and all
  std::string_view port;  // empty: none
};

// host, host:port, [v6] or [v6]:port, split at the last colon that is outside of brackets. Neither part is
// judged.
inline HostPort split_host_port(std::string_view text) {
  const size_t colon = text.rfind(':'), bracket = text.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket))
    return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace e2k
