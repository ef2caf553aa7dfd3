#include "worker/ca/search/addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

#include "common/log.h"

namespace e2k::worker::search {
namespace {

// As libca: broadcast addresses, the other end of point-to-point links, and loopback where there is nothing
// else.
std::vector<uint32_t> broadcast_addresses() {
  std::vector<uint32_t> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) == 0) {
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
    for (const ifaddrs* i = list; i; i = i->ifa_next) {
      if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET) continue;
      if (!(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK)) continue;
      const sockaddr* to = nullptr;
      if (i->ifa_flags & IFF_BROADCAST) to = i->ifa_broadaddr;
      if (i->ifa_flags & IFF_POINTOPOINT) to = i->ifa_dstaddr;
      if (to && to->sa_family == AF_INET)
        out.push_back(ntohl(reinterpret_cast<const sockaddr_in*>(to)->sin_addr.s_addr));
    }
  }
  if (out.empty()) out.push_back(INADDR_LOOPBACK);
  return out;
}

std::vector<std::string> names_in(const std::vector<ListedAddress>& a, const std::vector<ListedAddress>& b) {
  std::vector<std::string> out;
  for (const auto* list : {&a, &b})
    for (const ListedAddress& address : *list)
      if (!address.ip && std::find(out.begin(), out.end(), address.host) == out.end())
        out.push_back(address.host);
  return out;
}

void add_once(std::vector<ServerAddress>& list, ServerAddress address) {
  if (std::find(list.begin(), list.end(), address) == list.end()) list.push_back(address);
}

}  // namespace

Addresses::Addresses(const SearchEnvironment& environment)
    : listed_(parse_address_list(environment.addr_list, environment.server_port, bad_)),
      listed_servers_(parse_address_list(environment.name_servers, environment.server_port, bad_)),
      use_interfaces_(environment.auto_addr_list),
      server_port_(environment.server_port),
      resolver_(names_in(listed_, listed_servers_)),
      complete_(resolver_.fd() < 0) {}

bool Addresses::update(MonotonicNs now) {
  bool look = resolver_.take(resolution_);
  if (look) complete_ = resolution_.complete;
  if (now >= interfaces_due_) {
    interfaces_due_ = MonotonicNs{now.value + kInterfacesIntervalNs};
    if (use_interfaces_) broadcast_ = broadcast_addresses();
    look = true;
  }
  if (!look) return false;
  const std::vector<ServerAddress> datagrams = datagrams_, name_servers = name_servers_;
  rebuild();
  return datagrams != datagrams_ || name_servers != name_servers_;
}

void Addresses::rebuild() {
  datagrams_.clear();
  name_servers_.clear();
  for (const uint32_t ip : broadcast_) add_once(datagrams_, {ip, server_port_});
  const auto add = [&](const std::vector<ListedAddress>& listed, std::vector<ServerAddress>& to) {
    for (const ListedAddress& address : listed) {
      const auto found = resolution_.addresses.find(address.host);
      if (address.ip)
        add_once(to, {*address.ip, address.port});
      else if (found != resolution_.addresses.end())
        add_once(to, {found->second, address.port});
    }
  };
  add(listed_, datagrams_);
  add(listed_servers_, name_servers_);
  std::string problem;
  const auto tell = [&](const std::string& what) { problem += (problem.empty() ? "" : "; ") + what; };
  for (const std::string& word : bad_) tell("'" + word + "' in the address lists is no host or host:port");
  for (const auto& [name, why] : resolution_.failures) tell(name + " can't be resolved: " + why);
  if (problem != problem_) {
    if (problem.empty())
      log::info("addresses.resolved");
    else
      log::warn("address.unresolved reason={}", log::quoted(problem));
  }
  problem_ = std::move(problem);
}

}  // namespace e2k::worker::search
