// Shell. One GET to a schema registry, with the credentials and certificates of the configuration.
//
// Blocks for `timeout` at most. Nothing is taken from the environment (proxies, .netrc), nothing is
// redirected. No text that comes from here holds a secret of
// ours.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/registry/registry_settings.h"

namespace e2k::supervisor::ctl {

enum class RegistryTrouble : uint8_t { none, unresolved, tls, unreachable, odd };

struct RegistryReply {
  RegistryTrouble trouble = RegistryTrouble::none;
  std::string words;  // of the trouble
  long status = 0;    // of HTTP; 0: nobody answered
  std::string body;   // its first bytes, `most_bytes` of them
};

RegistryReply get_from_registry(const config::RegistryUrl& url, const config::RegistrySettings& settings,
                                const std::string& path, size_t most_bytes,
                                std::chrono::milliseconds timeout);

}  // namespace e2k::supervisor::ctl
