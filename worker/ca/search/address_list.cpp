#include "worker/ca/search/address_list.h"

#include <charconv>

#include "common/split.h"

namespace e2k::worker::search {
namespace {

constexpr std::string_view kWhite = " \t\r\n";

// What inet_addr takes of four numbers.
std::optional<uint32_t> numeric(std::string_view host) {
  uint32_t ip = 0;
  const char *at = host.data(), *const end = at + host.size();
  for (int part = 0; part < 4; ++part) {
    unsigned number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || number > 255) return std::nullopt;
    ip = ip << 8 | number;
    if (part == 3) return next == end ? std::optional(ip) : std::nullopt;
    if (next == end || *next != '.') return std::nullopt;
    at = next + 1;
  }
  return std::nullopt;
}

std::optional<ListedAddress> address_of(std::string_view word, uint16_t default_port) {
  ListedAddress out;
  out.port = default_port;
  const auto [host, port] = split_host_port(word);
  if (host.empty()) return std::nullopt;
  // Behind a colon there has to be one.
  if (host.size() != word.size()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc{} || end != port.data() + port.size() || out.port == 0) return std::nullopt;
  }
  out.host = host;
  out.ip = numeric(host);
  return out;
}

}  // namespace

std::vector<ListedAddress> parse_address_list(std::string_view list, uint16_t default_port,
                                              std::vector<std::string>& bad) {
  std::vector<ListedAddress> out;
  for (size_t begin = list.find_first_not_of(kWhite); begin != std::string_view::npos;
       begin = list.find_first_not_of(kWhite, begin)) {
    const size_t end = std::min(list.find_first_of(kWhite, begin), list.size());
    const std::string_view word = list.substr(begin, end - begin);
    if (auto address = address_of(word, default_port))
      out.push_back(std::move(*address));
    else
      bad.emplace_back(word);
    begin = end;
  }
  return out;
}

}  // namespace e2k::worker::search
