#include "common/registry/registry_url.h"

#include <algorithm>

#include "common/config/registry_options.h"
#include "common/split.h"
#include "common/text.h"

namespace e2k::config {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_port(std::string_view text) {
  const auto number = parse_integer_option(text);
  return number && *number >= 1 && *number <= 65535 && text.front() != '-';
}

bool is_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']'))
    return host.size() > 2 && std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
             return is_letter_or_digit(c) || c == ':' || c == '.' || c == '%';
           });
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
  });
}

// host, host:port, [v6] or [v6]:port
bool is_host_and_port(std::string_view text) {
  const auto [host, port] = split_host_port(text);
  return is_host(host) && (host.size() == text.size() || is_port(port));
}

std::string_view scheme_of(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.size() > scheme.size() &&
        std::ranges::equal(text.substr(0, scheme.size()), scheme,
                           [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b); }))
      return scheme;
  return "";
}

Result<RegistryUrl> parse_one(std::string_view text) {
  const std::string_view scheme = scheme_of(text);
  if (scheme.empty())
    return fail(
        "begins with neither http:// nor https://; a comma inside of a user's password is written %2C");
  text.remove_prefix(scheme.size());
  const size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash);
  std::string_view path = text.substr(slash);
  RegistryUrl url;
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (!percent_decode(authority.substr(0, at), url.user_info) || url.user_info.empty() ||
        has_control_characters(url.user_info))
      return fail(
          "has credentials before its @ that can't be read; write user:password@ with %XX for : / @ ,");
    authority.remove_prefix(at + 1);
  }
  if (!is_host_and_port(authority))
    return fail("names no host, or a port that is none; a / inside of a user's password is written %2F");
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.find_first_of("?#@") != std::string_view::npos)
    return fail("has a ?, # or @ behind the host; give the address up to the registry's base path only");
  if (!std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7f; }))
    return fail("has a path with characters that an address can't have; write them as %XX");
  url.base = std::string(scheme) + std::string(authority) + std::string(path);
  return url;
}

}  // namespace

Result<std::vector<RegistryUrl>> parse_registry_urls(std::string_view list) {
  std::vector<RegistryUrl> urls;
  for (size_t number = 1;; ++number) {
    const size_t comma = list.find(',');
    if (number > kMaxRegistryUrls)
      return fail("more than " + std::to_string(kMaxRegistryUrls) + " addresses; name fewer");
    auto url = parse_one(trimmed(list.substr(0, comma)));
    if (!url) return fail("address " + std::to_string(number) + " of the list " + url.error().message);
    urls.push_back(std::move(*url));
    if (comma == std::string_view::npos) return urls;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace e2k::config
