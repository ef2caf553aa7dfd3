// Pure. What the options of Connect and of the Channel Access connector are that have no counterpart here.
#pragma once

#include <optional>
#include <string_view>

namespace e2k::supervisor::migrate {

struct KnownOption {
  std::string_view name;  // one that ends in a dot stands for all that begin with it
  std::string_view what;
  bool noted = false;  // it changes what is published, or when: worth a word of its own
};

// Nothing: no option that is known.
std::optional<KnownOption> connector_option(std::string_view name);
std::optional<KnownOption> worker_option(std::string_view name);

}  // namespace e2k::supervisor::migrate
