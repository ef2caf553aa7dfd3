// Pure. Where a worker searches for names, and what it hears there.
#pragma once

#include <cstdint>
#include <string>

namespace e2k::worker {

struct SearchReport {
  std::string address_problem;  // "" when nothing is wrong with the addresses
  std::string addresses;        // "10.0.0.255:5064 127.0.0.1:5064", name servers at the end; "" for none
  uint32_t beacon_servers = 0;  // whose beacons were heard
  std::string beacon_of;        // the first of them
  friend bool operator==(const SearchReport&, const SearchReport&) = default;
};

}  // namespace e2k::worker
