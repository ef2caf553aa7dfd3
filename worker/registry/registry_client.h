// Shell. Talks HTTP to a schema registry by libcurl.
//
// ask() blocks the calling thread, at most the two time-outs for each address; one thread at a time may ask.
// The time-out of the answer begins when the question has been sent. Addresses are tried in turn, beginning
// with the one that answered last; the next one is tried where nobody answers, or the answer is no
// registry's, or says that the server is unwell, or denies access: addresses may have credentials of their
// own. Where none does better, the first that denied access counts. abort() may be called by any thread, at
// any time: an ask() under way returns at once, later ones do nothing (Verdict::unavailable).
//
// Words of equal failures are equal: durations that libcurl measured are left out of them.
//
// Connections are kept between questions. Nothing is taken from the environment (proxies, .netrc), nothing is
// redirected. Credentials go to the registry and nowhere else: no text that comes from here holds any.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/result.h"
#include "worker/registry/registry_protocol.h"
#include "worker/registry/registry_subject.h"

namespace e2k::worker {

class RegistryClient {
public:
  // Fails where libcurl can't be set up or a file of TLS can't be read.
  static Result<std::unique_ptr<RegistryClient>> create(RegistrySettings settings);
  ~RegistryClient();

  // `still_asking` is called, with the address that is asked, about once a second for as long as it takes.
  using StillAsking = std::function<void(const std::string& base)>;
  RegistryAnswer ask(const RegistryRequest& request, const StillAsking& still_asking = {});
  void abort() noexcept;

private:
  struct Curl;  // libcurl's header stays out of ours
  explicit RegistryClient(std::unique_ptr<Curl> curl);

  const std::unique_ptr<Curl> curl_;
};

}  // namespace e2k::worker
