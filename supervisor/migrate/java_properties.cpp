#include "supervisor/migrate/java_properties.h"

#include <cstdint>
#include <optional>

namespace e2k::supervisor::migrate {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}

void append_utf8(std::string& out, uint32_t c) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

struct LogicalLine {
  std::string text;  // continuations joined, escapes as they stand
  size_t line;
};

class Lines {
public:
  explicit Lines(std::string_view text) : text_(text) {}

  std::optional<LogicalLine> next() {
    while (at_ < text_.size()) {
      std::string_view natural = natural_line();
      if (natural.empty() || is_comment(natural)) continue;
      LogicalLine logical{"", number_};
      while (goes_on(natural)) {
        logical.text += natural.substr(0, natural.size() - 1);
        if (at_ >= text_.size()) return logical.text.empty() ? std::nullopt : std::optional(logical);
        natural = natural_line();
        // A backslash alone begins nothing, so that the line behind it may still be a comment.
        if (logical.text.empty() && is_comment(natural)) natural = {};
      }
      logical.text += natural;
      if (!logical.text.empty()) return logical;
    }
    return std::nullopt;
  }

private:
  // Without its leading blanks and its end.
  std::string_view natural_line() {
    ++number_;
    const size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    std::string_view line = text_.substr(at_, end - at_);
    at_ = end;
    if (at_ < text_.size()) at_ += text_.substr(at_, 2) == "\r\n" ? 2 : 1;
    while (!line.empty() && is_blank(line[0])) line.remove_prefix(1);
    return line;
  }
  static bool is_comment(std::string_view line) { return line.starts_with('#') || line.starts_with('!'); }
  static bool goes_on(std::string_view line) {
    const size_t last = line.find_last_not_of('\\');
    const size_t backslashes = line.size() - (last == std::string_view::npos ? 0 : last + 1);
    return backslashes % 2 == 1;
  }

  std::string_view text_;
  size_t at_ = 0, number_ = 0;
};

std::optional<uint16_t> hex4(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  uint16_t number = 0;
  for (const char c : digits.substr(0, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    number = static_cast<uint16_t>(number << 4 | digit);
  }
  return number;
}

bool is_high(uint32_t unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}
bool is_low(uint32_t unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}

// UTF-16 units, as Java holds text, into UTF-8. Half a pair becomes the replacement character.
std::string utf8_of(const std::u16string& units) {
  std::string out;
  for (size_t i = 0; i < units.size(); ++i) {
    uint32_t c = units[i];
    if (is_high(c) && i + 1 < units.size() && is_low(units[i + 1]))
      c = 0x10000 + ((c - 0xd800) << 10) + (units[++i] - 0xdc00u);
    else if (is_high(c) || is_low(c))
      c = 0xfffd;
    append_utf8(out, c);
  }
  return out;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::u16string units;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      units += static_cast<char16_t>(static_cast<uint8_t>(text[i]));
      continue;
    }
    if (++i == text.size()) break;
    switch (text[i]) {
      case 't':
        units += u'\t';
        break;
      case 'n':
        units += u'\n';
        break;
      case 'r':
        units += u'\r';
        break;
      case 'f':
        units += u'\f';
        break;
      case 'u': {
        const auto unit = hex4(text.substr(i + 1));
        if (!unit) return std::nullopt;
        units += static_cast<char16_t>(*unit);
        i += 4;
        break;
      }
      default:
        units += static_cast<char16_t>(static_cast<uint8_t>(text[i]));
    }
  }
  return utf8_of(units);
}

size_t end_of_name(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\')
      ++i;
    else if (line[i] == '=' || line[i] == ':' || is_blank(line[i]))
      return i;
  }
  return line.size();
}

}  // namespace

Result<std::vector<JavaProperty>> read_java_properties(std::string_view text) {
  std::vector<JavaProperty> properties;
  Lines lines(text);
  while (const auto line = lines.next()) {
    const std::string_view whole = line->text;
    const size_t end = end_of_name(whole);
    size_t begin = end;
    const auto skip_blanks = [&] {
      while (begin < whole.size() && is_blank(whole[begin])) ++begin;
    };
    skip_blanks();
    if (begin < whole.size() && (whole[begin] == '=' || whole[begin] == ':')) ++begin;
    skip_blanks();
    auto name = unescaped(whole.substr(0, end)), value = unescaped(whole.substr(begin));
    if (!name || !value)
      return fail(std::to_string(line->line) + ": a \\u is not followed by four hexadecimal digits");
    properties.push_back({std::move(*name), std::move(*value), line->line});
  }
  return properties;
}

}  // namespace e2k::supervisor::migrate
