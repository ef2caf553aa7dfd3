// Pure. The address lists of EPICS_CA_ADDR_LIST and EPICS_CA_NAME_SERVERS: words of `host` or `host:port`,
// with white space between them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace e2k::worker::search {

struct ListedAddress {
  std::string host;  // as it is written
  uint16_t port = 0;
  std::optional<uint32_t> ip;  // host order; nothing: a name that has to be resolved
  friend bool operator==(const ListedAddress&, const ListedAddress&) = default;
};

// Words that can be neither (an empty host, a port out of range) go into `bad`, as they are written.
std::vector<ListedAddress> parse_address_list(std::string_view list, uint16_t default_port,
                                              std::vector<std::string>& bad);

}  // namespace e2k::worker::search
