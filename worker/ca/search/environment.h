// Shell. What EPICS_CA_* says of the search, and the one change that is made to it.
//
// libca searches for every channel that is created, by its own rules. Here it is told to ask nobody but the
// responder (responder.h), a socket of ours on loopback that knows the answer, because only names whose
// server is known are created at all. So what goes out to the network is the search client's alone, no name
// is searched for twice, and what libca believes of servers is what was found out here. libca reads the
// environment when its context is made; another thread must not run yet when this is called (getenv).
#pragma once

#include <cstdint>
#include <string>

namespace e2k::worker::search {

struct SearchEnvironment {
  std::string addr_list;
  bool auto_addr_list = true;
  std::string name_servers;
  uint16_t server_port = 5064;
  uint16_t repeater_port = 5065;
  int64_t max_search_period_s = 300;  // at least 60, as libca has it
  // Of arrays, for what has to be said of them: EPICS_CA_AUTO_ARRAY_BYTES, EPICS_CA_MAX_ARRAY_BYTES.
  bool auto_array_bytes = true;
  int64_t max_array_bytes = 16384;
};

SearchEnvironment read_search_environment();
// From now on a libca context that is made searches at 127.0.0.1:port and nowhere else.
void steer_libca(uint16_t port);

}  // namespace e2k::worker::search
