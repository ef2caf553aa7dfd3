// Pure. What is wrong with the arguments, in words of this program: CLI11's own begin with what it looked
// for, or show its validators.
#pragma once

#include <string>

namespace e2k::supervisor::ctl {

// `what`: CLI11's text of a ParseError; one that is not known is given as it is.
std::string argument_mistake(const std::string& what);

}  // namespace e2k::supervisor::ctl
