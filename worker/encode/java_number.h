// Pure. Floating point numbers as Java prints them, JDK 19 and later: what a JsonConverter's consumers read.
//
// Plain decimal for 1e-3 <= |x| < 1e7 ("0.001", "100.0"), else "d.dE[-]n" with at least one digit behind the
// point. The digits are the fewest that read back as the same number, and of those the nearest; where one
// digit would do, Java looks at two digits too, which shows at the smallest subnormals only (4.9E-324).
#pragma once

#include <cstddef>

namespace e2k::worker {

// The longest is "-2.2250738585072014E-308"; one to spare, because the digits are laid out in place.
inline constexpr size_t kJavaNumberBytes = 25;

// Write at `out`, which has room for kJavaNumberBytes, and return the end. Not a number and the infinities
// come as NaN, Infinity and -Infinity, without quotes.
char* write_java_double(char* out, double value);
char* write_java_float(char* out, float value);

}  // namespace e2k::worker
