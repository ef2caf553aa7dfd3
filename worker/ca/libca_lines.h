// Pure. What libca's and libCom's lines are about, by their words: a code for each kind that is known, so
// that a log can be searched for it. Sources: the texts of EPICS Base 7.
#pragma once

#include <string_view>

namespace e2k::worker::ca {

inline constexpr std::string_view kBadType = "bad_type";

struct LibcaLine {
  std::string_view code;
  bool is_connect_failure = false;
  std::string_view reason = {};  // of a connect failure: the system's words
};

inline LibcaLine read_libca_line(std::string_view text) {
  constexpr std::string_view kUnable = "CAC: Unable to connect because \"";
  if (const size_t at = text.find(kUnable); at != std::string_view::npos) {
    const std::string_view reason = text.substr(at + kUnable.size());
    return {"connect_failed", true, reason.substr(0, reason.find('"'))};
  }
  struct Known {
    std::string_view words, code;
  };
  constexpr Known kKnown[] = {
      {"message body cache", "array_too_large"},
      {"EPICS_CA_MAX_ARRAY_BYTES ignored", "array_too_large"},
      {"Unexpected problem with CA circuit", "circuit_broken"},
      {"Virtual circuit unresponsive", "circuit_hangs"},
      {"Virtual circuit disconnect", "circuit_closed"},
      {"circuit creation failure", "no_socket"},
      {"low on network buffers", "no_buffers"},
      {"missaligned payload", "bad_message"},
      {"bad native data type", kBadType},
      {"Bad internet address", "bad_address"},
      {"repeater", "repeater"},
      {"access rights", "bad_message"},
  };
  for (const Known& known : kKnown)
    if (text.find(known.words) != std::string_view::npos) return {known.code};
  return {"other"};
}

}  // namespace e2k::worker::ca
