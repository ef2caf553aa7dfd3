// Shell. Where searches go: the addresses of the lists, with the names among them as they resolve now, and
// the broadcast addresses of the interfaces that are up now.
//
// Never waits for DNS: a name that is not resolved yet is not there yet. update() takes what the resolver
// found and looks at the interfaces again, once in kInterfacesIntervalNs. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "worker/ca/search/address_list.h"
#include "worker/ca/search/codec.h"
#include "worker/ca/search/environment.h"
#include "worker/ca/search/resolver.h"

namespace e2k::worker::search {

class Addresses {
public:
  static constexpr int64_t kInterfacesIntervalNs = 60 * kNsPerSecond;

  explicit Addresses(const SearchEnvironment& environment);

  // True: the lists changed.
  bool update(MonotonicNs now);
  // Names are resolved again, soon.
  void resolve_again() { resolver_.ask(); }
  const std::vector<ServerAddress>& datagrams() const { return datagrams_; }
  const std::vector<ServerAddress>& name_servers() const { return name_servers_; }
  // All names have been looked up at least once.
  bool complete() const { return complete_; }
  // What an operator has to mend, "" when nothing: names that do not resolve, words that are no addresses.
  const std::string& problem() const { return problem_; }
  int fd() const { return resolver_.fd(); }

private:
  void rebuild();

  std::vector<std::string> bad_;
  std::vector<ListedAddress> listed_, listed_servers_;
  bool use_interfaces_;
  uint16_t server_port_;
  Resolver resolver_;
  Resolution resolution_;
  bool complete_;
  std::vector<uint32_t> broadcast_;
  MonotonicNs interfaces_due_{INT64_MIN};
  std::vector<ServerAddress> datagrams_, name_servers_;
  std::string problem_;
};

}  // namespace e2k::worker::search
