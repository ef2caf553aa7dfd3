// Pure. Java's .properties files, as java.util.Properties reads them.
//
// A line is a name, a separator (=, : or white space) and a value; a line that ends in an odd number of
// backslashes goes on in the next one, whose leading blanks do not count; # and ! begin comments. \t, \n, \r,
// \f and \uXXXX are escapes, any other backslash just falls away. Bytes are Latin-1, as Java takes them; the
// result is UTF-8. Blanks at a value's end belong to it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace e2k::supervisor::migrate {

struct JavaProperty {
  std::string name, value;
  size_t line;  // from 1: where it begins
};

// In the order of the file, a name that comes twice included. An error is a \u without four hex digits, with
// its line.
Result<std::vector<JavaProperty>> read_java_properties(std::string_view text);

}  // namespace e2k::supervisor::migrate
