// Pure. Facts in, findings out: what is well, what somebody should know, what does not work, each with its
// remedy.
//
// A finding is one line. The exit code follows from those that are broken: what only the configuration (or a
// right, or a topic) can mend outweighs a server that does not answer, because waiting will not help there.
#pragma once

#include <string>
#include <vector>

#include "supervisor/check/facts.h"

namespace e2k::supervisor::check {

enum class Level {
  ok,
  warning,
  unreachable,  // broken: a server does not answer, and may do so later
  mistaken      // broken until somebody mends the configuration, a right or a topic
};

struct Finding {
  Level level = Level::ok;
  std::string text;
  friend bool operator==(const Finding&, const Finding&) = default;
};

std::vector<Finding> findings(const Facts& facts);

// "ok …", "warning …" or "broken …", with foreign text made printable.
std::string line(const Finding& finding);

// 0, 75 (a server does not answer) or 78 (something must be mended).
int exit_code(const std::vector<Finding>& findings);

}  // namespace e2k::supervisor::check
