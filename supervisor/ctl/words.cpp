#include "supervisor/ctl/words.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>

#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

constexpr double kMinuteS = 60, kHourS = 3600, kDayS = 86'400;

size_t characters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xc0) != 0x80;
  return count;
}

std::string painted(bool on, const char* code, std::string_view text) {
  return on ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

}  // namespace

const Json& at(const Json& object, const char* name) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string cell(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>().empty() ? "-" : value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.3g}", value.get<double>());
  if (value.is_object()) {
    std::string parts;
    for (const auto& [name, part] : value.items())
      parts += (parts.empty() ? "" : ", ") + name + " " + cell(part);
    return parts;
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string cell(const Json& object, const char* name) {
  return cell(at(object, name));
}

double number(const Json& object, const char* name) {
  const Json& value = at(object, name);
  return value.is_number() ? value.get<double>() : 0;
}

std::string text_in(const Json& object, const char* name) {
  const Json& value = at(object, name);
  return value.is_string() ? value.get<std::string>() : "";
}

std::string duration(double s) {
  if (!(s >= 0) || s > 1e12) return "-";
  const auto whole = static_cast<int64_t>(s);
  if (s < kMinuteS) return fmt::format("{:.1f}s", s);
  if (s < kHourS) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (s < kDayS) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string duration(const Json& seconds) {
  return seconds.is_number() ? duration(seconds.get<double>()) : "-";
}

std::string bytes(const Json& value) {
  if (!value.is_number()) return "-";
  double n = value.get<double>();
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (n >= 1024 && unit + 1 < std::size(units)) {
    n /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", n, unit == 0 ? 0 : 1, units[unit]);
}

std::string short_number(double value) {
  if (!(value >= 0)) return "-";
  if (value < 99'999.5) return fmt::format("{:.0f}", value);
  const char* units[] = {"k", "M", "G", "T", "P"};
  size_t unit = 0;
  double n = value / 1000;
  for (; n >= 999.5 && unit + 1 < std::size(units); ++unit) n /= 1000;
  return n < 9.995   ? fmt::format("{:.2f}{}", n, units[unit])
         : n < 99.95 ? fmt::format("{:.1f}{}", n, units[unit])
                     : fmt::format("{:.0f}{}", n, units[unit]);
}

std::string rate(double per_s) {
  if (!(per_s > 0)) return "0/s";
  return per_s < 9.95 ? fmt::format("{:.1f}/s", per_s) : short_number(per_s) + "/s";
}

std::string grouped(double count) {
  if (!(count >= 0) || count > 1e18) return "-";
  std::string digits = std::to_string(static_cast<uint64_t>(count));
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string plural(double count, const char* one, const char* many) {
  return grouped(count) + " " + (count == 1 ? one : many);
}

std::optional<int64_t> unix_ns_of(std::string_view iso8601) {
  const std::string text(iso8601.substr(0, 40));
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
                  &used) != 6)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  int64_t ns = 0, unit = 100'000'000;
  size_t i = static_cast<size_t>(used);
  if (i < text.size() && text[i] == '.')
    for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, unit /= 10)
      ns += (text[i] - '0') * unit;
  if (i + 1 != text.size() || text[i] != 'Z') return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000'000 + ns;
}

std::string ago(const Json& stamp, int64_t now_unix_ns) {
  const auto then = stamp.is_string() ? unix_ns_of(stamp.get_ref<const std::string&>()) : std::nullopt;
  if (!then) return "-";
  const double s = static_cast<double>(now_unix_ns - *then) / 1e9;
  if (s < -1) return "in " + duration(-s);
  if (s < 2 * kMinuteS) return fmt::format("{:.0f} s ago", std::max(0.0, std::floor(s)));
  if (s < 2 * kHourS) return fmt::format("{:.0f} min ago", std::floor(s / kMinuteS));
  if (s < 2 * kDayS) return fmt::format("{:.0f} h ago", std::floor(s / kHourS));
  return fmt::format("{:.0f} days ago", std::floor(s / kDayS));
}

std::string wrapped(std::string_view text, size_t indent, size_t columns) {
  std::string out, line;
  size_t width = 0;
  const auto end_line = [&] {
    if (!line.empty()) out += std::string(indent, ' ') + line + '\n';
    line.clear();
    width = 0;
  };
  const std::string safe = printable(text);
  for (std::string_view rest = safe; !rest.empty();) {
    const size_t blank = rest.find(' ');
    const std::string_view word = rest.substr(0, blank);
    rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
    if (word.empty()) continue;
    const size_t more = characters(word);
    if (!line.empty() && indent + width + 1 + more > columns) end_line();
    if (!line.empty()) {
      line += ' ';
      ++width;
    }
    line += word;
    width += more;
  }
  end_line();
  return out;
}

std::string Paint::bad(std::string_view text) const {
  return painted(on, "1;31", text);
}
std::string Paint::warn(std::string_view text) const {
  return painted(on, "33", text);
}
std::string Paint::good(std::string_view text) const {
  return painted(on, "32", text);
}
std::string Paint::bold(std::string_view text) const {
  return painted(on, "1", text);
}

}  // namespace e2k::supervisor::ctl
