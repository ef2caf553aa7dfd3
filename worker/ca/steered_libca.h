// Shell. What EPICS_CA_* said, and the socket to which libca's own searches go from then on:
// search/environment.h says why. take_over() changes the environment, so that no other thread may run yet.
#pragma once

#include <memory>

#include "worker/ca/search/environment.h"
#include "worker/ca/search/responder.h"

namespace e2k::worker {

struct SteeredLibca {
  search::SearchEnvironment environment;
  std::unique_ptr<search::Responder> responder;

  // Fails where there is no socket to be had.
  static Result<SteeredLibca> take_over() {
    auto responder = search::Responder::open();
    if (!responder) return tl::unexpected(responder.error());
    SteeredLibca out{search::read_search_environment(), std::move(*responder)};
    search::steer_libca(out.responder->port());
    return out;
  }
};

}  // namespace e2k::worker
