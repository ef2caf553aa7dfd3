// Pure. Parts of the supervisor's JSON as words and figures for people.
//
// A member that is missing, or of another kind than expected, is "-": documents of other versions give gaps,
// never errors. Nothing here is made printable (table.h) but what says so.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace e2k::supervisor::ctl {

inline constexpr size_t kColumns = 80;

const nlohmann::json& at(const nlohmann::json& object, const char* name);  // null where it is missing
std::string cell(const nlohmann::json& value);
std::string cell(const nlohmann::json& object, const char* name);
double number(const nlohmann::json& object, const char* name);        // 0 where it is none
std::string text_in(const nlohmann::json& object, const char* name);  // "" where it is none

std::string duration(const nlohmann::json& seconds);  // "1.5s", "2m10s", "3h12m", "4d01h"
std::string duration(double seconds);
std::string bytes(const nlohmann::json& value);  // "12.5 MiB"
// At most five characters: "99999", "123k", "4.56M".
std::string short_number(double value);
std::string rate(double per_s);                                       // "142/s", "0.3/s"
std::string plural(double count, const char* one, const char* many);  // "1 entry", "1,234 entries"
std::string grouped(double count);                                    // "1,234"

// Of a stamp as the supervisor writes it (ISO 8601, UTC); nothing where it is no such text.
std::optional<int64_t> unix_ns_of(std::string_view iso8601);
// "12 s ago", "4 min ago", "3 h ago", "2 days ago"; "-" where it is no stamp.
std::string ago(const nlohmann::json& stamp, int64_t now_unix_ns);

// Broken at blanks into lines of at most `columns`, each behind `indent` blanks and with an end. Words that
// are longer stand alone. The text is made printable.
std::string wrapped(std::string_view text, size_t indent, size_t columns = kColumns);

// Colours of a terminal: the text itself where there are none.
struct Paint {
  bool on = false;
  std::string bad(std::string_view text) const;
  std::string warn(std::string_view text) const;
  std::string good(std::string_view text) const;
  std::string bold(std::string_view text) const;
};

}  // namespace e2k::supervisor::ctl
