// Shell. What all requests to a schema registry have in common, as libcurl's options: who we are to it, what
// it must show, that nothing is taken from the environment (proxies, .netrc) and nothing redirected.
#pragma once

#include "common/curl.h"
#include "common/registry/registry_settings.h"

namespace e2k::config {

// For as long as the handle lives. libcurl copies what it is told.
void prepare_handle(const curl::Easy& easy, const RegistrySettings& settings);
// For the next request: the user of this address, or of all.
void set_user(const curl::Easy& easy, const RegistryUrl& url, const RegistrySettings& settings);
// What goes with every request. The list outlives those it is used for.
curl::List registry_headers(const RegistrySettings& settings);

}  // namespace e2k::config
