#include "worker/ca/search/addresses.h"

#include <ellLib.h>
#include <envDefs.h>
#include <osiSock.h>
// after the above, which it needs
#include <addrList.h>

#include <algorithm>
#include <cstdlib>

namespace e2k::worker::search {
namespace {

std::vector<ServerAddress> take(ELLLIST& list) {
  std::vector<ServerAddress> out;
  while (ELLNODE* node = ellGet(&list)) {
    const auto* entry = reinterpret_cast<const osiSockAddrNode*>(node);
    if (entry->addr.sa.sa_family == AF_INET)
      out.push_back({ntohl(entry->addr.ia.sin_addr.s_addr), ntohs(entry->addr.ia.sin_port)});
    std::free(node);
  }
  return out;
}

}  // namespace

SearchAddresses search_addresses(int socket) {
  SearchAddresses out;
  out.server_port = envGetInetPortConfigParam(&EPICS_CA_SERVER_PORT, 5064);
  out.repeater_port = envGetInetPortConfigParam(&EPICS_CA_REPEATER_PORT, 5065);
  double period_s = 300;
  if (envGetDoubleConfigParam(&EPICS_CA_MAX_SEARCH_PERIOD, &period_s) != 0) period_s = 300;
  out.max_search_period_s = static_cast<int64_t>(std::clamp(period_s, 60.0, 86400.0));

  ELLLIST list = ELLLIST_INIT;
  configureChannelAccessAddressList(&list, socket, out.server_port);
  out.datagrams = take(list);
  ELLLIST servers = ELLLIST_INIT, unique = ELLLIST_INIT;
  addAddrToChannelAccessAddressList(&servers, &EPICS_CA_NAME_SERVERS, out.server_port, false);
  removeDuplicateAddresses(&unique, &servers, 0);
  out.name_servers = take(unique);
  return out;
}

}  // namespace e2k::worker::search
