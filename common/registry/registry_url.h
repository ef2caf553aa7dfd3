// Pure. The addresses of registries, with the credentials taken out of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace e2k::config {

struct RegistryUrl {
  std::string base;       // scheme://host[:port][/path], no / at its end; may be shown
  std::string user_info;  // "user:password", decoded; "": none. Secret.
  friend bool operator==(const RegistryUrl&, const RegistryUrl&) = default;
};

inline constexpr size_t kMaxRegistryUrls = 16;

// A comma-separated list. Errors name the address by its number in the list, never by its text: where it
// can't be read, nobody can tell which part of it is a password.
Result<std::vector<RegistryUrl>> parse_registry_urls(std::string_view list);

}  // namespace e2k::config
