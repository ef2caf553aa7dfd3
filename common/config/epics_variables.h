// Pure. The EPICS_CA_* variables of Channel Access clients: which there are, and what they take.
//
// A [epics] key is the lower-case name without the prefix.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/config/document.h"

namespace e2k::config {

struct EpicsVariable {
  enum class Kind { text, yes_no, integer, seconds };
  std::string_view key;       // "max_array_bytes"
  std::string_view variable;  // "EPICS_CA_MAX_ARRAY_BYTES"
  Kind kind;
  double least = 0, most = 0;  // of integer and seconds; `least` itself is accepted
  std::string_view accepted;
};

std::span<const EpicsVariable> epics_variables();
const EpicsVariable* find_epics_variable(std::string_view key);

// The variable's text; nothing where the value is none that Channel Access takes.
std::optional<std::string> epics_text(const EpicsVariable& variable, const Value& value);
// The same for what the environment holds.
std::optional<std::string> epics_text(const EpicsVariable& variable, const std::string& text);

}  // namespace e2k::config
