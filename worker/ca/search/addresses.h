// Shell. Where searches go, read from the environment (EPICS_CA_*) by libca's own functions, so that the
// search client and libca can never disagree: EPICS_CA_ADDR_LIST, EPICS_CA_AUTO_ADDR_LIST (the broadcast
// addresses of the interfaces), EPICS_CA_SERVER_PORT, EPICS_CA_NAME_SERVERS, EPICS_CA_MAX_SEARCH_PERIOD,
// EPICS_CA_REPEATER_PORT. Names in the lists are resolved here, once; that can block on DNS.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/ca/search/codec.h"

namespace e2k::worker::search {

struct SearchAddresses {
  std::vector<ServerAddress> datagrams;
  std::vector<ServerAddress> name_servers;
  uint16_t server_port = 5064;
  uint16_t repeater_port = 5065;
  int64_t max_search_period_s = 300;  // at least 60, as libca has it
};

// `socket`: a UDP socket, through which the interfaces are asked for their broadcast addresses.
SearchAddresses search_addresses(int socket);

}  // namespace e2k::worker::search
