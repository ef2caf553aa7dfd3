#include "worker/encode/java_number.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace e2k::worker {
namespace {

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* write_special(char* out, bool is_nan, bool negative) {
  if (is_nan) return put(out, "NaN");
  return put(out, negative ? "-Infinity" : "Infinity");
}

// Turns C's "[-]d[.ddd]e±XX", which begins at `begin` and ends at `end`, into Java's form in place.
char* to_java_exponent(char* begin, char* end) {
  char* e = end - 4;  // two digits of exponent, or three
  if (*e != 'e') --e;
  const bool negative = e[1] == '-';
  char exponent[3];
  size_t exponent_digits = 0;
  for (const char* digit = e + 2; digit != end; ++digit)
    if (exponent_digits > 0 || *digit != '0') exponent[exponent_digits++] = *digit;
  const bool one_digit = e - begin == 1 || (*begin == '-' && e - begin == 2);
  char* out = one_digit ? put(e, ".0") : e;
  *out++ = 'E';
  if (negative) *out++ = '-';
  return put(out, {exponent, exponent_digits});
}

template <class Float>
char* write(char* out, Float value) {
  const Float magnitude = std::fabs(value);
  char* const limit = out + kJavaNumberBytes;
  if (magnitude >= Float(1e-3) && magnitude < Float(1e7)) {
    // Whole numbers are what counters and switches send: they need no search for digits.
    const auto whole = static_cast<int32_t>(value);
    if (static_cast<Float>(whole) == value) return put(std::to_chars(out, limit, whole).ptr, ".0");
    return std::to_chars(out, limit, value, std::chars_format::fixed).ptr;
  }
  if (magnitude == 0) return put(out, std::signbit(value) ? "-0.0" : "0.0");
  if (!std::isfinite(value)) return write_special(out, std::isnan(value), std::signbit(value));

  char* end = std::to_chars(out, limit, value, std::chars_format::scientific).ptr;
  // Among the first hundred or so subnormals a second digit can lie nearer than the only digit that is
  // needed.
  const bool one_digit = out[value < 0 ? 2 : 1] == 'e';
  if (one_digit && magnitude < 1000 * std::numeric_limits<Float>::denorm_min())
    end = std::to_chars(out, limit, value, std::chars_format::scientific, 1).ptr;
  return to_java_exponent(out, end);
}

}  // namespace

char* write_java_double(char* out, double value) {
  return write(out, value);
}

char* write_java_float(char* out, float value) {
  return write(out, value);
}

}  // namespace e2k::worker
